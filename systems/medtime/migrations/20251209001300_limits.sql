-- What was counted of a bucket (one limit of one user or address) within its window, slice by slice: a window has 60 slices, and a
-- request counts until the last moment of its slice is a whole window ago. So there are never more than the limit in any window,
-- wherever it begins. Unlogged: a count is worth no write to disk, and a crash that forgets one minute of them forgives, not harms.
-- Nobody's data: the name of a bucket is a keyed hash, and rows go minutes after their last request.
CREATE UNLOGGED TABLE public.srv_rate_windows (
  bucket text PRIMARY KEY CHECK (length(bucket) BETWEEN 1 AND 64),
  -- Slices that hold requests, oldest first, counted from 1970, and how many each holds.
  slices bigint[] NOT NULL,
  counts integer[] NOT NULL,
  used integer NOT NULL,
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

-- Counts one request in every bucket, or in none when one is full. Rows are locked in the order given; callers name a bucket of an
-- address before those of a user, so that no two wait for each other. `used` is what each bucket holds afterwards, `frees_ms` how long
-- until it takes one more than now. An instance whose clock lags counts into the newest slice there is.
CREATE FUNCTION public.srv_take(p_buckets text[], p_limits integer[], p_windows_ms integer[], p_now timestamptz)
  RETURNS TABLE (allowed boolean, used integer[], frees_ms integer[])
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER
  SET search_path = '' SET plan_cache_mode = 'force_generic_plan'
AS $take$
#variable_conflict use_column
DECLARE
  now_ms bigint := (extract(epoch FROM p_now) * 1000)::bigint;
  length_ms bigint;
  slice bigint;
  newest integer;
  gone integer;
  slices_of bigint[];
  counts_of integer[];
  used_of integer;
  excess integer;
  counted text[] := '{}';
BEGIN
  allowed := true;
  FOR i IN 1 .. cardinality(p_buckets) LOOP
    length_ms := p_windows_ms[i] / 60;
    slice := now_ms / length_ms;
    SELECT w.slices, w.counts, w.used INTO slices_of, counts_of, used_of
      FROM public.srv_rate_windows AS w WHERE w.bucket = p_buckets[i] FOR NO KEY UPDATE;
    IF NOT FOUND THEN
      INSERT INTO public.srv_rate_windows (bucket, slices, counts, used, empty_at)
        VALUES (p_buckets[i], '{}', '{}', 0, to_timestamp((slice + 61) * length_ms / 1000.0))
        ON CONFLICT DO NOTHING;
      SELECT w.slices, w.counts, w.used INTO STRICT slices_of, counts_of, used_of
        FROM public.srv_rate_windows AS w WHERE w.bucket = p_buckets[i] FOR NO KEY UPDATE;
    END IF;
    newest := cardinality(slices_of);
    slice := greatest(slice, slices_of[newest]);
    gone := 0;
    WHILE slices_of[gone + 1] < slice - 60 LOOP
      gone := gone + 1;
      used_of := used_of - counts_of[gone];
    END LOOP;
    IF allowed AND used_of < p_limits[i] THEN
      used_of := used_of + 1;
      IF slices_of[newest] = slice THEN
        counts_of[newest] := counts_of[newest] + 1;
      ELSE
        slices_of[newest + 1] := slice;
        counts_of[newest + 1] := 1;
      END IF;
      UPDATE public.srv_rate_windows AS w
        SET slices = slices_of[gone + 1:], counts = counts_of[gone + 1:], used = used_of,
          empty_at = to_timestamp((slice + 61) * length_ms / 1000.0)
        WHERE w.bucket = p_buckets[i];
      counted := counted || p_buckets[i];
    END IF;
    IF used_of >= p_limits[i] THEN
      IF counted[cardinality(counted)] IS DISTINCT FROM p_buckets[i] THEN
        allowed := false;
      END IF;
      -- Slices that may go before there is room: more than one only where the limit was higher before.
      excess := used_of - p_limits[i];
      WHILE excess >= counts_of[gone + 1] LOOP
        gone := gone + 1;
        excess := excess - counts_of[gone];
      END LOOP;
    END IF;
    used[i] := used_of;
    frees_ms[i] := (coalesce(slices_of[gone + 1], slice) + 61) * length_ms - now_ms;
  END LOOP;
  IF NOT allowed AND counted <> '{}' THEN
    -- The locks are held: the newest slice of each is still the one this request was counted in.
    UPDATE public.srv_rate_windows AS w
      SET used = w.used - 1,
        slices = CASE w.counts[cardinality(w.counts)] WHEN 1 THEN trim_array(w.slices, 1) ELSE w.slices END,
        counts = CASE w.counts[cardinality(w.counts)] WHEN 1 THEN trim_array(w.counts, 1)
          ELSE trim_array(w.counts, 1) || (w.counts[cardinality(w.counts)] - 1) END
      WHERE w.bucket = ANY (counted);
  END IF;
  RETURN NEXT;
END
$take$;

REVOKE ALL ON FUNCTION public.srv_take FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.srv_take TO medtime_api;

DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format('REVOKE ALL ON public.srv_rate_windows, public.srv_limit_key FROM %I', web);
      EXECUTE format('REVOKE ALL ON FUNCTION public.srv_take FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
