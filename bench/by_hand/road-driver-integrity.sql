-- Drivers' integrity by hand: personal cycles, points, the level before and four levels, with every entry.
CREATE OR REPLACE TEMP TABLE units AS
SELECT subject AS unit, of,
  CASE WHEN cycle >= 1 THEN CAST(of + to_months((cycle - 1) * 12) AS DATE) END AS begins,
  CASE WHEN cycle >= 1 THEN CAST(of + to_months(cycle * 12) AS DATE) WHEN of > DATE '2025-12-31' THEN DATE '2026-01-01'
       WHEN of IS NULL THEN DATE '2026-01-01' END AS ends
FROM (
  SELECT subject, first_certified_on AS of, CASE WHEN first_certified_on <= DATE '2025-12-31'
    THEN datesub('month', first_certified_on, DATE '2025-12-31') // 12 END AS cycle
  FROM subject_practitioner
  WHERE recorded_at <= TIMESTAMP '2026-01-15' AND (superseded_at IS NULL OR superseded_at > TIMESTAMP '2026-01-15')
    AND valid_from <= DATE '2025-12-31' AND (valid_until IS NULL OR valid_until > DATE '2025-12-31')
    AND list_has_any(categories, ['passenger_driver', 'freight_driver', 'dangerous_goods_driver'])
);
CREATE OR REPLACE TEMP TABLE acts AS
SELECT u.unit, r.record, r.occurred_on AS day, CAST(r.points AS INTEGER) AS points,
  r.occurred_on >= u.begins AND r.occurred_on < u.ends AS inside
FROM item_driver_points r JOIN units u ON u.unit = r.role_subject
WHERE r.recorded_at <= TIMESTAMP '2026-01-15' AND (r.superseded_at IS NULL OR r.superseded_at > TIMESTAMP '2026-01-15')
  AND r.occurred_on <= DATE '2025-12-31'
  AND r.occurred_on >= coalesce(u.begins, u.ends, u.of, r.occurred_on);
CREATE OR REPLACE TEMP TABLE before AS
SELECT u.unit, arg_max({'record': r.record, 'level': r.level, 'grade': r.grade}, {'day': r.occurred_on, 'record': r.record}) AS last,
  max(CASE r.grade WHEN 'sample' THEN 3 WHEN 'unverified' THEN 2 WHEN 'secondary' THEN 1 ELSE 0 END) AS weakest
FROM item_rating_result r JOIN units u ON u.unit = r.role_subject
WHERE r.recorded_at <= TIMESTAMP '2026-01-15' AND (r.superseded_at IS NULL OR r.superseded_at > TIMESTAMP '2026-01-15')
  AND r.occurred_on >= u.begins AND r.occurred_on < u.ends
  AND r.book = 'road-driver-integrity' AND r.output = 'level' AND r.level IS NOT NULL
GROUP BY u.unit;
CREATE OR REPLACE TEMP TABLE state AS
SELECT *, CASE WHEN begins IS NULL THEN NULL WHEN cycle_points >= 20 THEN 'B'
    WHEN cycle_points = 0 AND held IN ('AAA', 'AA') THEN 'AAA'
    WHEN cycle_points < 10 AND held IN ('AAA', 'AA', 'A') THEN 'AA' ELSE 'A' END AS level,
  CASE WHEN cycle_points >= 20 THEN 0 WHEN cycle_points = 0 AND held IN ('AAA', 'AA') THEN 2
    WHEN cycle_points < 10 AND held IN ('AAA', 'AA', 'A') THEN 3 ELSE 4 END AS place
FROM (
  SELECT u.unit, u.begins, coalesce(a.cycle_points, 0) AS cycle_points, a.running, a.first,
    b.last, b.weakest, coalesce(b.last.level, 'A') AS held
  FROM units u
  LEFT JOIN (
    SELECT unit, sum(points) FILTER (WHERE inside) AS cycle_points, sum(points) FILTER (WHERE NOT coalesce(inside, false)) AS running,
      arg_min({'record': record, 'day': day, 'points': points}, {'day': day, 'record': record}) FILTER (WHERE inside) AS first
    FROM acts GROUP BY unit
  ) a USING (unit)
  LEFT JOIN before b USING (unit)
);
COPY (
  SELECT unit, output, status, CAST(number AS DECIMAL(18, 0)) AS number, level, CAST(NULL AS DATE) AS day, flag,
    CAST(NULL AS VARCHAR) AS text, reason, grade FROM (
    SELECT unit, 'level' AS output, CASE WHEN begins IS NULL THEN 'not_rated' ELSE 'rated' END AS status, NULL AS number, level,
      NULL AS flag, CASE WHEN begins IS NULL THEN '没有评价周期的起算日期' END AS reason,
      CASE WHEN weakest = 3 THEN 'sample' ELSE 'unverified' END AS grade FROM state
    UNION ALL
    SELECT unit, 'must_study', 'rated', NULL, NULL, coalesce(running, 0) >= 20, NULL, 'unverified' FROM state
    UNION ALL
    SELECT unit, 'points', CASE WHEN begins IS NULL THEN 'not_rated' ELSE 'rated' END,
      CASE WHEN begins IS NOT NULL THEN cycle_points END, NULL, NULL,
      CASE WHEN begins IS NULL THEN '没有评价周期的起算日期' END, 'secondary' FROM state
    UNION ALL
    SELECT unit, 'running_points', 'rated', coalesce(running, 0), NULL, NULL, NULL, 'secondary' FROM state
  ) ORDER BY unit, output
) TO '$findings' (FORMAT parquet, COMPRESSION zstd);
COPY (
  SELECT unit, step, kind, clause, record, CAST(NULL AS BIGINT) AS row, day, CAST(raw AS DECIMAL(18, 0)) AS raw,
    CAST(weight AS DECIMAL(18, 0)) AS weight, CAST(share AS DECIMAL(18, 0)) AS share, text, CAST(NULL AS BIGINT) AS lost_to, grade, seq
  FROM (
    SELECT unit, 'cycle_points' AS step, 'hit' AS kind, 'p' || points AS clause, record, day, points AS raw, 1 AS weight,
      points AS share, NULL AS text, 'secondary' AS grade, 1 AS seq FROM acts WHERE inside
    UNION ALL
    SELECT unit, 'level', 'condition', CASE WHEN place = 0 THEN 'p' || first.points END, CASE WHEN place = 0 THEN first.record END,
      CASE WHEN place = 0 THEN first.day END, CASE WHEN place = 0 THEN 1 ELSE place END, NULL, NULL, level,
      CASE WHEN place = 0 THEN 'secondary' ELSE 'unverified' END, 0 FROM state WHERE begins IS NOT NULL
    UNION ALL
    SELECT unit, 'level', 'output', NULL, NULL, NULL, NULL, NULL, NULL, level, 'secondary', 9 FROM state WHERE begins IS NOT NULL
    UNION ALL
    SELECT unit, 'must_study', 'value', NULL, NULL, NULL, NULL, NULL, NULL,
      CASE WHEN coalesce(running, 0) >= 20 THEN 'true' ELSE 'false' END, 'unverified', 0 FROM state
    UNION ALL
    SELECT unit, 'must_study', 'output', NULL, NULL, NULL, NULL, NULL, NULL,
      CASE WHEN coalesce(running, 0) >= 20 THEN 'true' ELSE 'false' END, 'secondary', 9 FROM state
    UNION ALL
    SELECT unit, 'points', 'output', NULL, NULL, NULL, cycle_points, NULL, NULL, NULL, 'secondary', 9 FROM state WHERE begins IS NOT NULL
    UNION ALL
    SELECT unit, 'previous', 'read', NULL, last.record, NULL, NULL, NULL, NULL, last.level,
      CASE WHEN weakest = 3 THEN 'sample' WHEN weakest = 2 THEN 'unverified' ELSE 'secondary' END, 0 FROM state
    UNION ALL
    SELECT unit, 'previous_or_first', 'value', NULL, NULL, NULL, NULL, NULL, NULL, held, 'unverified', 0 FROM state
    UNION ALL
    SELECT unit, 'rated_when', 'status', NULL, NULL, NULL, NULL, NULL, NULL, '没有评价周期的起算日期', 'secondary', 8
    FROM state WHERE begins IS NULL
    UNION ALL
    SELECT unit, 'running_points', 'value', NULL, NULL, NULL, coalesce(running, 0), NULL, NULL, NULL, 'secondary', 0 FROM state
    UNION ALL
    SELECT unit, 'running_points', 'output', NULL, NULL, NULL, coalesce(running, 0), NULL, NULL, NULL, 'secondary', 9 FROM state
    UNION ALL
    SELECT unit, 'running_total', 'read', NULL, NULL, NULL, running, NULL, NULL, NULL, 'secondary', 0 FROM state
  ) ORDER BY unit, step, seq, clause NULLS FIRST, day NULLS FIRST, kind, record NULLS FIRST
) TO '$entries' (FORMAT parquet, COMPRESSION zstd)
