-- What was counted of a bucket (one limit of one user or address) within its window, slice by slice: a window has 60 slices, and a
-- request counts until the whole of its slice is a window ago. So there are never more than the limit in any window, wherever it
-- begins. Unlogged: a count is worth no write to disk, and a crash that forgets one minute of them forgives, it does not harm.
-- It is written by a statement of the service (limits/postgres-tally.ts): a function around it would be planned anew at each call.
-- Nobody's data: the name of a bucket holds a keyed hash, and a row goes soon after its last request stopped counting.
CREATE UNLOGGED TABLE public.srv_rate_windows (
  bucket text PRIMARY KEY CHECK (length(bucket) BETWEEN 1 AND 64),
  -- The newest slice, counted from 1970, and what was counted in the 61 up to it.
  slice bigint NOT NULL,
  counts integer[] NOT NULL CHECK (cardinality(counts) = 61),
  -- All of them together, and how many the last statement added.
  used integer NOT NULL,
  granted integer NOT NULL,
  allowed integer NOT NULL,
  -- From here on the row says nothing any more.
  empty_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- What names of buckets are hashed with, so that an address cannot be guessed from one.
CREATE TABLE public.srv_limit_key (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  key bytea NOT NULL CHECK (octet_length(key) = 32)
);
INSERT INTO public.srv_limit_key (key)
  VALUES (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));

ALTER TABLE public.srv_rate_windows ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_rate_windows FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_limit_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_limit_key FORCE ROW LEVEL SECURITY;
CREATE POLICY everybody_is_counted ON public.srv_rate_windows TO medtime_api USING (true) WITH CHECK (true);
CREATE POLICY everybody_reads ON public.srv_limit_key FOR SELECT TO medtime_api USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON public.srv_rate_windows TO medtime_api;
GRANT SELECT ON public.srv_limit_key TO medtime_api;

-- Takes back what was counted for requests that another bucket refused, in the slice it was counted in.
CREATE FUNCTION public.srv_give_back(p_buckets text[], p_counts integer[], p_slices bigint[]) RETURNS void
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER
  SET search_path = ''
AS $back$
DECLARE
  place integer;
  taken record;
BEGIN
  FOR taken IN
    SELECT r.bucket, r.back, r.slice FROM unnest(p_buckets, p_counts, p_slices) AS r (bucket, back, slice) ORDER BY r.bucket
  LOOP
    SELECT (61 - (w.slice - taken.slice))::integer INTO place
      FROM public.srv_rate_windows AS w WHERE w.bucket = taken.bucket FOR NO KEY UPDATE;
    -- What has left the window meanwhile is not counted any more.
    IF place BETWEEN 1 AND 61 THEN
      UPDATE public.srv_rate_windows AS w
        SET counts = w.counts[1:place - 1] || (w.counts[place] - taken.back) || w.counts[place + 1:], used = w.used - taken.back
        WHERE w.bucket = taken.bucket;
    END IF;
  END LOOP;
END
$back$;

REVOKE ALL ON FUNCTION public.srv_give_back FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.srv_give_back TO medtime_api;

DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format('REVOKE ALL ON public.srv_rate_windows, public.srv_limit_key FROM %I', web);
      EXECUTE format('REVOKE ALL ON FUNCTION public.srv_give_back FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
