-- The benchmark's scorecard by hand: the same findings and entries as the compiled book, in plain DuckDB SQL.
-- Tables and $out are those of one bucket of units (see bench/engine.py).
CREATE OR REPLACE TEMP TABLE clauses AS SELECT * FROM (VALUES
  ('C01', 'c01', 'safety', 2.5, 15),
  ('C02', 'c02', 'safety', 3.5, 18),
  ('C03', 'c03', 'safety', 4.5, 21),
  ('C04', 'c04', 'safety', 5.5, 12),
  ('C05', 'c05', 'safety', 1.5, 15),
  ('C06', 'c06', 'safety', 2.5, 18),
  ('C07', 'c07', 'safety', 3.5, 21),
  ('C08', 'c08', 'safety', 4.5, 12),
  ('C09', 'c09', 'safety', 5.5, 15),
  ('C10', 'c10', 'safety', 1.5, 18),
  ('C11', 'c11', 'conduct', 2.5, 21),
  ('C12', 'c12', 'conduct', 3.5, 12),
  ('C13', 'c13', 'conduct', 4.5, 15),
  ('C14', 'c14', 'conduct', 5.5, 18),
  ('C15', 'c15', 'conduct', 1.5, 21),
  ('C16', 'c16', 'conduct', 2.5, 12),
  ('C17', 'c17', 'conduct', 3.5, 15),
  ('C18', 'c18', 'conduct', 4.5, 18),
  ('C19', 'c19', 'conduct', 5.5, 21),
  ('C20', 'c20', 'conduct', 1.5, 12),
  ('C21', 'c21', 'service', 2.5, 15),
  ('C22', 'c22', 'service', 3.5, 18),
  ('C23', 'c23', 'service', 4.5, 21),
  ('C24', 'c24', 'service', 5.5, 12),
  ('C25', 'c25', 'service', 1.5, 15),
  ('C26', 'c26', 'service', 2.5, 18),
  ('C27', 'c27', 'service', 3.5, 21),
  ('C28', 'c28', 'service', 4.5, 12),
  ('C29', 'c29', 'service', 5.5, 15),
  ('C30', 'c30', 'service', 1.5, 18)
) v(code, clause, dimension, points, cap);
CREATE OR REPLACE TEMP TABLE hits AS
SELECT r.role_subject AS unit, r.record, r.occurred_on AS day, c.clause, c.dimension,
  -round(CAST(c.points * r.severity AS DECIMAL(9, 3)), 2) AS raw,
  CASE WHEN DATE '2025-12-31' < r.occurred_on + INTERVAL 12 MONTH THEN 1.00
       WHEN DATE '2025-12-31' < r.occurred_on + INTERVAL 24 MONTH THEN 0.70 ELSE 0.35 END AS weight
FROM item_act r JOIN clauses c USING (code)
WHERE r.recorded_at <= TIMESTAMP '2026-01-01' AND (r.superseded_at IS NULL OR r.superseded_at > TIMESTAMP '2026-01-01')
  AND r.occurred_on <= DATE '2025-12-31' AND DATE '2025-12-31' < r.occurred_on + INTERVAL 36 MONTH;
CREATE OR REPLACE TEMP TABLE caps AS
SELECT h.unit, h.dimension, h.clause, -sum(h.raw * h.weight) - any_value(c.cap) AS share
FROM hits h JOIN clauses c USING (clause) GROUP BY h.unit, h.dimension, h.clause
HAVING -sum(h.raw * h.weight) > any_value(c.cap);
CREATE OR REPLACE TEMP TABLE scores AS
WITH taken AS (
  SELECT unit, dimension, sum(share) AS total FROM (
    SELECT unit, dimension, raw * weight AS share FROM hits UNION ALL SELECT unit, dimension, share FROM caps
  ) GROUP BY unit, dimension
), wide AS (
  SELECT s.subject AS unit,
    100 + coalesce(sum(t.total) FILTER (WHERE t.dimension = 'safety'), 0) AS safety,
    100 + coalesce(sum(t.total) FILTER (WHERE t.dimension = 'conduct'), 0) AS conduct,
    100 + coalesce(sum(t.total) FILTER (WHERE t.dimension = 'service'), 0) AS service
  FROM subject_firm s LEFT JOIN taken t ON t.unit = s.subject GROUP BY s.subject
)
SELECT *, CAST(0.5 * greatest(safety, 0) + 0.3 * greatest(conduct, 0) + 0.2 * greatest(service, 0) AS DECIMAL(18, 5)) AS total
FROM wide;
CREATE OR REPLACE TEMP TABLE levels AS
SELECT *, CASE WHEN total >= 90 THEN 'AA' WHEN total >= 80 THEN 'A' WHEN total >= 70 THEN 'B' WHEN total >= 60 THEN 'C' ELSE 'D' END AS level
FROM scores;
COPY (
  SELECT unit, 'level' AS output, 'rated' AS status, CAST(NULL AS DECIMAL(38, 12)) AS number, level, CAST(NULL AS DATE) AS day,
    CAST(NULL AS BOOLEAN) AS flag, CAST(NULL AS VARCHAR) AS text, CAST(NULL AS VARCHAR) AS reason, 'sample' AS grade FROM levels
  UNION ALL
  SELECT unit, 'score', 'rated', CAST(total AS DECIMAL(38, 12)), NULL, NULL, NULL, NULL, NULL, 'sample' FROM levels
  ORDER BY unit, output
) TO '$findings' (FORMAT parquet, COMPRESSION zstd);
COPY (
  SELECT * FROM (
    SELECT unit, dimension AS step, 'hit' AS kind, clause, record, CAST(NULL AS BIGINT) AS row, day,
      CAST(raw AS DECIMAL(18, 5)) AS raw, CAST(weight AS DECIMAL(18, 5)) AS weight, CAST(raw * weight AS DECIMAL(18, 5)) AS share,
      CAST(NULL AS VARCHAR) AS text, CAST(NULL AS BIGINT) AS lost_to, 'sample' AS grade, 1 AS seq FROM hits
    UNION ALL
    SELECT unit, dimension, 'cap', clause, NULL, NULL, NULL, NULL, NULL, CAST(share AS DECIMAL(18, 5)), NULL, NULL, 'sample', 2 FROM caps
    UNION ALL
    SELECT unit, dimension, 'start', NULL, NULL, NULL, NULL, NULL, NULL, CAST(100 AS DECIMAL(18, 5)), NULL, NULL, 'sample', 0
    FROM scores CROSS JOIN (VALUES ('safety'), ('conduct'), ('service')) d(dimension)
    UNION ALL
    SELECT unit, 'safety', 'floor', NULL, NULL, NULL, NULL, NULL, NULL, CAST(-safety AS DECIMAL(18, 5)), NULL, NULL, 'sample', 4 FROM scores WHERE safety < 0
    UNION ALL
    SELECT unit, 'conduct', 'floor', NULL, NULL, NULL, NULL, NULL, NULL, CAST(-conduct AS DECIMAL(18, 5)), NULL, NULL, 'sample', 4 FROM scores WHERE conduct < 0
    UNION ALL
    SELECT unit, 'service', 'floor', NULL, NULL, NULL, NULL, NULL, NULL, CAST(-service AS DECIMAL(18, 5)), NULL, NULL, 'sample', 4 FROM scores WHERE service < 0
    UNION ALL
    SELECT unit, 'total', 'value', NULL, NULL, NULL, NULL, CAST(total AS DECIMAL(18, 5)), NULL, NULL, NULL, NULL, 'sample', 0 FROM scores
    UNION ALL
    SELECT unit, 'level', 'band', NULL, NULL, NULL, NULL, CAST(total AS DECIMAL(18, 5)), NULL, NULL, level, NULL, 'sample', 0 FROM levels
    UNION ALL
    SELECT unit, 'level', 'output', NULL, NULL, NULL, NULL, NULL, NULL, NULL, level, NULL, 'sample', 9 FROM levels
    UNION ALL
    SELECT unit, 'score', 'output', NULL, NULL, NULL, NULL, CAST(total AS DECIMAL(18, 5)), NULL, NULL, NULL, NULL, 'sample', 9 FROM levels
  ) ORDER BY unit, step, seq, row NULLS FIRST, clause NULLS FIRST, day NULLS FIRST, kind, record NULLS FIRST
) TO '$entries' (FORMAT parquet, COMPRESSION zstd)
