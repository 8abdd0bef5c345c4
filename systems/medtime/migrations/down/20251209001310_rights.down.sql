DO $policies$
DECLARE
  named record;
BEGIN
  FOR named IN
    SELECT p.polname, c.relname FROM pg_catalog.pg_policy AS p JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid
    WHERE c.relnamespace = 'public'::regnamespace AND p.polname IN ('owner_exports', 'owner_erases')
  LOOP
    EXECUTE format('DROP POLICY %I ON public.%I', named.polname, named.relname);
  END LOOP;
END
$policies$;
DROP FUNCTION public.srv_erase_account, public.srv_audit_of, public.srv_shorten_audit, public.srv_verify_audit, public.srv_note_audit,
  public.srv_audit_hash, public.srv_export_page, public.srv_export_tables, public.srv_withheld;
DROP TABLE public.srv_erasures, public.srv_audit_salts, public.srv_audit_head, public.srv_audit, public.srv_consents;
