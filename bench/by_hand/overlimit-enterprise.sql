-- Overlimit carriers by hand: acts of vehicles through the dated relation to the firm, distinct vehicles against the fleet.
-- $mine keeps the firms of the bucket; vehicles and acts lie on all shelves.
CREATE OR REPLACE TEMP TABLE units AS
SELECT subject AS unit FROM subject_enterprise
WHERE recorded_at <= TIMESTAMP '2026-01-15' AND (superseded_at IS NULL OR superseded_at > TIMESTAMP '2026-01-15')
  AND valid_from <= DATE '2025-12-31' AND (valid_until IS NULL OR valid_until > DATE '2025-12-31')
  AND list_has_any(businesses, ['road_freight', 'dangerous_goods', 'heavy_haul']);
CREATE OR REPLACE TEMP TABLE operated AS
SELECT r.from_subject AS unit, r.to_subject AS vehicle, r.valid_from AS begins, coalesce(r.valid_until, DATE '9999-12-31') AS ends
FROM relation r JOIN units u ON u.unit = r.from_subject
WHERE r.relation = 'operates' AND r.recorded_at <= TIMESTAMP '2026-01-15'
  AND (r.superseded_at IS NULL OR r.superseded_at > TIMESTAMP '2026-01-15');
CREATE OR REPLACE TEMP TABLE lorries AS
SELECT subject AS vehicle, valid_from AS begins, coalesce(valid_until, DATE '9999-12-31') AS ends
FROM subject_vehicle
WHERE recorded_at <= TIMESTAMP '2026-01-15' AND (superseded_at IS NULL OR superseded_at > TIMESTAMP '2026-01-15')
  AND vehicle_class IN ('goods', 'dangerous_goods', 'tractor', 'low_speed')
  AND subject IN (SELECT vehicle FROM operated);
CREATE OR REPLACE TEMP TABLE hits AS
SELECT o.unit, a.record, a.occurred_on AS day, o.vehicle
FROM item_overlimit_act a
JOIN operated o ON o.vehicle = a.role_vehicle AND o.begins <= a.occurred_on AND a.occurred_on < o.ends
JOIN lorries l ON l.vehicle = a.role_vehicle AND l.begins <= a.occurred_on AND a.occurred_on < l.ends
WHERE a.recorded_at <= TIMESTAMP '2026-01-15' AND (a.superseded_at IS NULL OR a.superseded_at > TIMESTAMP '2026-01-15')
  AND a.occurred_on <= DATE '2025-12-31' AND DATE '2025-12-31' < a.occurred_on + INTERVAL 12 MONTH;
CREATE OR REPLACE TEMP TABLE state AS
SELECT *, over_vehicles >= needed AS over FROM (
  SELECT u.unit, coalesce(f.fleet, 0) AS fleet, coalesce(h.over_vehicles, 0) AS over_vehicles, h.first,
    CASE WHEN f.fleet > 0 THEN CAST((2 * CAST(coalesce(h.over_vehicles, 0) AS HUGEINT) * 1000000000000 + f.fleet) // (2 * f.fleet)
      AS DECIMAL(38, 0)) * CAST(0.000000000001 AS DECIMAL(13, 12)) END AS share,
    coalesce(f.fleet, 0) // 10 + 1 AS needed
  FROM units u
  LEFT JOIN (
    SELECT o.unit, count(DISTINCT o.vehicle) AS fleet FROM operated o JOIN lorries l USING (vehicle)
    WHERE o.begins <= DATE '2025-12-31' AND DATE '2025-12-31' < o.ends
      AND l.begins <= DATE '2025-12-31' AND DATE '2025-12-31' < l.ends GROUP BY o.unit
  ) f USING (unit)
  LEFT JOIN (
    SELECT unit, count(DISTINCT vehicle) AS over_vehicles,
      arg_min({'record': record, 'day': day}, {'day': day, 'record': record}) AS first FROM hits GROUP BY unit
  ) h USING (unit)
);
COPY (
  SELECT unit, output, CASE WHEN fleet = 0 THEN 'not_rated' WHEN output = 'licence' AND over THEN 'open' ELSE 'rated' END AS status,
    CASE WHEN fleet > 0 THEN CAST(number AS DECIMAL(38, 12)) END AS number, CASE WHEN fleet > 0 THEN level END AS level,
    CAST(NULL AS DATE) AS day, CAST(NULL AS BOOLEAN) AS flag, CAST(NULL AS VARCHAR) AS text,
    CASE WHEN fleet = 0 THEN '评价日没有经营的货运车辆，占比无从计算'
      WHEN output = 'licence' AND over THEN '请认定是否情节严重；情节严重的吊销道路运输经营许可证并向社会公告' END AS reason, 'official' AS grade
  FROM (
    SELECT unit, fleet, over, 'fleet_now' AS output, fleet AS number, NULL AS level FROM state
    UNION ALL SELECT unit, fleet, over, 'licence', NULL, CASE WHEN NOT over THEN 'keep' END FROM state
    UNION ALL SELECT unit, fleet, over, 'measure', NULL, CASE WHEN over THEN 'suspend' ELSE 'clear' END FROM state
    UNION ALL SELECT unit, fleet, over, 'share_over', share, NULL FROM state
    UNION ALL SELECT unit, fleet, over, 'vehicles_over', over_vehicles, NULL FROM state
  ) ORDER BY unit, output
) TO '$findings' (FORMAT parquet, COMPRESSION zstd);
COPY (
  SELECT unit, step, kind, clause, record, CAST(NULL AS BIGINT) AS row, day, CAST(raw AS DECIMAL(38, 12)) AS raw,
    CAST(weight AS DECIMAL(18, 0)) AS weight, CAST(share AS DECIMAL(18, 0)) AS share, text, CAST(NULL AS BIGINT) AS lost_to,
    'official' AS grade, seq
  FROM (
    SELECT unit, 'clauses' AS step, 'hit' AS kind, 'act' AS clause, record, day, 0 AS raw, 1 AS weight, 0 AS share, NULL AS text, 1 AS seq
    FROM hits
    UNION ALL
    SELECT unit, 'fleet_now', 'output', NULL, NULL, NULL, fleet, NULL, NULL, NULL, 9 FROM state WHERE fleet > 0
    UNION ALL
    SELECT unit, 'fleet_size', 'read', NULL, NULL, NULL, fleet, NULL, NULL, NULL, 0 FROM state
    UNION ALL
    SELECT unit, 'licence', 'condition', CASE WHEN over THEN 'act' END, CASE WHEN over THEN first.record END,
      CASE WHEN over THEN first.day END, CASE WHEN over THEN 1 ELSE 0 END, NULL, NULL,
      CASE WHEN over THEN '请认定是否情节严重；情节严重的吊销道路运输经营许可证并向社会公告' ELSE 'keep' END, 0 FROM state WHERE fleet > 0
    UNION ALL
    SELECT unit, 'licence', 'status', NULL, NULL, NULL, NULL, NULL, NULL, '请认定是否情节严重；情节严重的吊销道路运输经营许可证并向社会公告', 8
    FROM state WHERE fleet > 0 AND over
    UNION ALL
    SELECT unit, 'licence', 'output', NULL, NULL, NULL, NULL, NULL, NULL, 'keep', 9 FROM state WHERE fleet > 0 AND NOT over
    UNION ALL
    SELECT unit, 'measure', 'condition', CASE WHEN over THEN 'act' END, CASE WHEN over THEN first.record END,
      CASE WHEN over THEN first.day END, CASE WHEN over THEN 1 ELSE 0 END, NULL, NULL,
      CASE WHEN over THEN 'suspend' ELSE 'clear' END, 0 FROM state WHERE fleet > 0
    UNION ALL
    SELECT unit, 'measure', 'output', NULL, NULL, NULL, NULL, NULL, NULL, CASE WHEN over THEN 'suspend' ELSE 'clear' END, 9
    FROM state WHERE fleet > 0
    UNION ALL
    SELECT unit, 'over_vehicles', 'read', NULL, NULL, NULL, over_vehicles, NULL, NULL, NULL, 0 FROM state
    UNION ALL
    SELECT unit, 'rated_when', 'status', NULL, NULL, NULL, NULL, NULL, NULL, '评价日没有经营的货运车辆，占比无从计算', 8 FROM state WHERE fleet = 0
    UNION ALL
    SELECT unit, 'share', 'value', NULL, NULL, NULL, share, NULL, NULL, NULL, 0 FROM state
    UNION ALL
    SELECT unit, 'share_over', 'output', NULL, NULL, NULL, share, NULL, NULL, NULL, 9 FROM state WHERE fleet > 0
    UNION ALL
    SELECT unit, 'vehicles_needed', 'value', NULL, NULL, NULL, needed, NULL, NULL, NULL, 0 FROM state
    UNION ALL
    SELECT unit, 'vehicles_over', 'output', NULL, NULL, NULL, over_vehicles, NULL, NULL, NULL, 9 FROM state WHERE fleet > 0
  ) ORDER BY unit, step, seq, clause NULLS FIRST, day NULLS FIRST, kind, record NULLS FIRST
) TO '$entries' (FORMAT parquet, COMPRESSION zstd)
