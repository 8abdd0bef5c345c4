-- What happens to an account's ways in, and who may read along, is written into the log of accounts by the tables themselves: no
-- service can forget it. At the end of each transaction, since the log is written by one at a time; nothing of who is erased in it.
CREATE FUNCTION public.srv_audit_change() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
AS $change$
DECLARE
  whose uuid := coalesce(to_jsonb(new) ->> 'user_id', to_jsonb(new) ->> 'supervised_user_id')::uuid;
  before text := current_setting('request.jwt.claims', true);
BEGIN
  PERFORM set_config('request.jwt.claims', format('{"sub":"%s"}', whose), true);
  IF EXISTS (SELECT FROM public.srv_users AS u WHERE u.user_id = whose) THEN
    PERFORM public.srv_note_audit(whose, tg_argv[0] || coalesce('_' || (to_jsonb(new) ->> 'ended_because'), ''), clock_timestamp());
  END IF;
  PERFORM set_config('request.jwt.claims', coalesce(before, ''), true);
  RETURN NULL;
END
$change$;

CREATE CONSTRAINT TRIGGER srv_sessions_audit AFTER UPDATE ON public.srv_sessions DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (old.ended_at IS NULL AND new.ended_at IS NOT NULL) EXECUTE FUNCTION public.srv_audit_change('session_ended');
CREATE CONSTRAINT TRIGGER srv_passwords_audit AFTER UPDATE ON public.srv_account_passwords DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION public.srv_audit_change('password_changed');
CREATE CONSTRAINT TRIGGER srv_recoveries_audit AFTER UPDATE ON public.srv_account_recoveries DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION public.srv_audit_change('recovery_changed');
CREATE CONSTRAINT TRIGGER srv_totp_audit AFTER UPDATE ON public.srv_totp_secrets DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (old.confirmed_at IS NULL AND new.confirmed_at IS NOT NULL)
  EXECUTE FUNCTION public.srv_audit_change('second_factor_totp_set_up');
CREATE CONSTRAINT TRIGGER srv_sms_audit AFTER UPDATE ON public.srv_sms_factors DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (old.confirmed_at IS NULL AND new.confirmed_at IS NOT NULL)
  EXECUTE FUNCTION public.srv_audit_change('second_factor_sms_set_up');
CREATE CONSTRAINT TRIGGER srv_links_audit_grant AFTER UPDATE ON public.srv_family_links DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (old.status <> 'active' AND new.status = 'active') EXECUTE FUNCTION public.srv_audit_change('family_granted');
CREATE CONSTRAINT TRIGGER srv_links_audit_revocation AFTER UPDATE ON public.srv_family_links DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (old.status <> 'revoked' AND new.status = 'revoked') EXECUTE FUNCTION public.srv_audit_change('family_revoked');

-- What concerns no one person, such as the keys of the services.
CREATE FUNCTION public.srv_note_service_audit(p_event text, p_now timestamptz) RETURNS bigint
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = ''
AS $note$
DECLARE
  last record;
  who bytea := sha256('medtime service');
BEGIN
  SELECT h.sequence, h.hash INTO STRICT last FROM public.srv_audit_head AS h FOR UPDATE;
  INSERT INTO public.srv_audit (sequence, at, event, actor, hash)
    VALUES (last.sequence + 1, p_now, p_event, who, public.srv_audit_hash(last.hash, last.sequence + 1, p_now, p_event, who))
    RETURNING hash INTO last.hash;
  UPDATE public.srv_audit_head SET sequence = last.sequence + 1, hash = last.hash;
  RETURN last.sequence + 1;
END
$note$;

-- Heads of the log as they were at some time, each under a key that the database does not have: whoever cuts off the end of the log, or
-- writes it anew, cannot make these fit. Nobody's data.
CREATE TABLE public.srv_audit_anchors (
  sequence bigint PRIMARY KEY,
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  made_at timestamptz NOT NULL,
  signature bytea NOT NULL CHECK (octet_length(signature) = 32)
);
ALTER TABLE public.srv_audit_anchors ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_audit_anchors FORCE ROW LEVEL SECURITY;
CREATE POLICY nobodys_data ON public.srv_audit_anchors FOR SELECT TO medtime_accounts USING (true);
CREATE POLICY adds ON public.srv_audit_anchors FOR INSERT TO medtime_accounts WITH CHECK (true);
CREATE POLICY removes_old ON public.srv_audit_anchors FOR DELETE TO medtime_accounts USING (made_at < now() - interval '6 years');
CREATE POLICY owner_reads ON public.srv_audit_anchors FOR SELECT TO CURRENT_USER USING (true);
GRANT SELECT, INSERT (sequence, hash, made_at, signature), DELETE ON public.srv_audit_anchors TO medtime_accounts;

-- The first anchor that the log does not bear out; NULL when sound. Entries may be missing from the beginning alone, and only those that
-- were old enough to go; an anchor is made within a day of the entry it stands on.
CREATE FUNCTION public.srv_verify_anchors() RETURNS bigint
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ''
BEGIN ATOMIC
  SELECT min(a.sequence) FROM public.srv_audit_anchors AS a CROSS JOIN public.srv_audit_head AS h
  WHERE CASE
    WHEN a.sequence < h.first_sequence THEN a.made_at > now() - interval '6 years' + interval '1 day'
    WHEN a.sequence = h.first_sequence THEN a.hash <> h.first_hash
    ELSE NOT EXISTS (SELECT FROM public.srv_audit AS e WHERE e.sequence = a.sequence AND e.hash = a.hash)
  END;
END;

CREATE FUNCTION public.srv_audit_end() RETURNS TABLE (sequence bigint, hash bytea)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ''
BEGIN ATOMIC
  SELECT h.sequence, h.hash FROM public.srv_audit_head AS h;
END;

-- Accounts anchor the log as a job of theirs.
CREATE POLICY job_of_accounts ON public.srv_jobs TO medtime_accounts
  USING (name = 'audit-anchor') WITH CHECK (name = 'audit-anchor');
GRANT SELECT, INSERT (name, done_at), UPDATE (done_at) ON public.srv_jobs TO medtime_accounts;

REVOKE ALL ON FUNCTION public.srv_audit_change, public.srv_note_service_audit, public.srv_verify_anchors, public.srv_audit_end FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.srv_note_service_audit, public.srv_verify_anchors, public.srv_audit_end TO medtime_accounts;
GRANT EXECUTE ON FUNCTION public.srv_verify_anchors TO medtime_api;

DO $close$
DECLARE
  web text;
BEGIN
  FOREACH web IN ARRAY ARRAY['anon', 'authenticated'] LOOP
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = web) THEN
      EXECUTE format('REVOKE ALL ON public.srv_audit_anchors FROM %I', web);
      EXECUTE format('REVOKE ALL ON FUNCTION public.srv_audit_change, public.srv_note_service_audit, public.srv_verify_anchors, '
        'public.srv_audit_end FROM %I', web);
    END IF;
  END LOOP;
END
$close$;
