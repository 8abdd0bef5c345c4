-- The API notes of each recognition that it was asked for, when it began and how it ended. There is no column that could hold
-- more, and none is granted but these.
GRANT INSERT (id, user_id, status, created_at), UPDATE (status, completed_at, error_code)
  ON public.srv_ocr_requests TO medtime_api;

-- Notes one step of one request. The first makes the row, and the user's with it; a request that is over stays as it ended.
CREATE FUNCTION public.srv_note_ocr(p_user uuid, p_id uuid, p_status text, p_now timestamptz, p_error text)
  RETURNS void
  LANGUAGE plpgsql VOLATILE SECURITY INVOKER
  SET search_path = ''
AS $note$
BEGIN
  PERFORM set_config('request.jwt.claims', '{"sub":"' || p_user || '"}', true);
  IF p_status = 'pending' THEN
    INSERT INTO public.srv_users (user_id) VALUES (p_user) ON CONFLICT DO NOTHING;
    INSERT INTO public.srv_ocr_requests (id, user_id, status, created_at) VALUES (p_id, p_user, p_status, p_now);
  ELSE
    UPDATE public.srv_ocr_requests
      SET status = p_status, error_code = p_error,
        completed_at = CASE WHEN p_status IN ('done', 'failed') THEN p_now END
      WHERE user_id = p_user AND id = p_id AND status IN ('pending', 'processing');
  END IF;
END
$note$;

-- The daily cleaning is nobody's request: it runs as the owner of the table, whom row security binds as well. These policies let
-- the owner see and touch what is to be cleaned, and no other row: what is older than 30 days, and what has not ended in an hour
-- because the process that worked on it is gone. What it has ended it still sees, since a row must not leave its sight by a change.
CREATE POLICY cleaning_sees ON public.srv_ocr_requests FOR SELECT TO CURRENT_USER
  USING (created_at < now() - interval '30 days'
    OR (status IN ('pending', 'processing') AND created_at < now() - interval '1 hour')
    OR error_code = 'INTERRUPTED');
CREATE POLICY cleaning_removes ON public.srv_ocr_requests FOR DELETE TO CURRENT_USER
  USING (created_at < now() - interval '30 days');
CREATE POLICY cleaning_ends ON public.srv_ocr_requests FOR UPDATE TO CURRENT_USER
  USING (status IN ('pending', 'processing') AND created_at < now() - interval '1 hour')
  WITH CHECK (status = 'failed');

-- Removes what is older than 30 days and ends what was given up. Returns how many were removed.
CREATE FUNCTION public.srv_clean_ocr_requests(p_now timestamptz) RETURNS bigint
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = ''
AS $clean$
DECLARE
  removed bigint;
BEGIN
  UPDATE public.srv_ocr_requests SET status = 'failed', completed_at = p_now, error_code = 'INTERRUPTED'
    WHERE status IN ('pending', 'processing') AND created_at < p_now - interval '1 hour';
  DELETE FROM public.srv_ocr_requests WHERE created_at < p_now - interval '30 days';
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END
$clean$;

REVOKE ALL ON FUNCTION public.srv_note_ocr, public.srv_clean_ocr_requests FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.srv_note_ocr, public.srv_clean_ocr_requests TO medtime_api;

DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format('REVOKE ALL ON FUNCTION public.srv_note_ocr, public.srv_clean_ocr_requests FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
