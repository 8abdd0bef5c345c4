-- The role stays: it belongs to the server, other databases may use it.
DROP TABLE public.srv_opaque_setup;
DROP TABLE public.srv_sign_in_attempts;
DROP TABLE public.srv_account_recoveries;
DROP TABLE public.srv_account_passwords;
DROP TABLE public.srv_account_handles;
DROP TABLE public.srv_accounts;
DROP POLICY accounts_make_users ON public.srv_users;
REVOKE INSERT (user_id) ON public.srv_users FROM medtime_accounts;
REVOKE USAGE ON SCHEMA public FROM medtime_accounts;
