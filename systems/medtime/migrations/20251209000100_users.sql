-- The role the sync API connects as. It is made without login: whoever runs the server gives it a password.
DO $role$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'medtime_api') THEN
    CREATE ROLE medtime_api NOLOGIN;
  END IF;
END
$role$;

GRANT USAGE ON SCHEMA public TO medtime_api;

-- A user as the server knows one: an id, a counter, and the time of the last change. The row comes with the first request
-- that carries a token, for the token is what proves the account; accounts themselves may live anywhere.
CREATE TABLE public.srv_users (
  user_id uuid PRIMARY KEY,
  -- Number of the user's last change. It is raised under the lock on this row and becomes visible with the change itself.
  sequence bigint NOT NULL DEFAULT 0 CHECK (sequence >= 0),
  -- Time of that change; never goes back, so that times and numbers of one user are in the same order.
  changed_at timestamptz NOT NULL DEFAULT '-infinity',
  created_at timestamptz NOT NULL DEFAULT now()
  -- Every push rewrites this row: room in the page keeps that from growing the table and its index.
) WITH (fillfactor = 50);

CREATE TABLE public.srv_user_preferences (
  user_id uuid PRIMARY KEY REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  language text NOT NULL DEFAULT 'es' CHECK (length(language) <= 10),
  timezone text NOT NULL DEFAULT 'America/Mexico_City' CHECK (length(timezone) <= 50),
  notification_enabled boolean NOT NULL DEFAULT true,
  theme text NOT NULL DEFAULT 'system' CHECK (theme IN ('system', 'light', 'dark')),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION public.srv_touch_updated_at() RETURNS trigger
  LANGUAGE plpgsql SET search_path = ''
AS $touch$
BEGIN
  new.updated_at := now();
  RETURN new;
END
$touch$;

REVOKE ALL ON FUNCTION public.srv_touch_updated_at() FROM PUBLIC;

CREATE TRIGGER srv_user_preferences_touch BEFORE UPDATE ON public.srv_user_preferences
  FOR EACH ROW EXECUTE FUNCTION public.srv_touch_updated_at();

-- Who lets whom read. The supervisor's id carries no foreign key: with one, naming a stranger would tell whether the stranger
-- has an account. An id that is nobody's lets nobody read.
CREATE TABLE public.srv_family_links (
  supervised_user_id uuid NOT NULL REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  supervisor_id uuid NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'active', 'revoked')),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (supervised_user_id, supervisor_id),
  CHECK (supervised_user_id <> supervisor_id)
);

CREATE INDEX idx_family_links_active ON public.srv_family_links (supervisor_id, supervised_user_id)
  WHERE status = 'active';

CREATE TRIGGER srv_family_links_touch BEFORE UPDATE ON public.srv_family_links
  FOR EACH ROW EXECUTE FUNCTION public.srv_touch_updated_at();

-- Forced: the owner of the tables is bound as well, so that nothing but a superuser passes row security. The subselect is
-- evaluated once a statement, not once a row.
ALTER TABLE public.srv_users ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_users FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_user_preferences ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_user_preferences FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_family_links ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_family_links FORCE ROW LEVEL SECURITY;

CREATE POLICY users_own_data ON public.srv_users TO medtime_api
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY users_own_data ON public.srv_user_preferences TO medtime_api
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY supervised_decide ON public.srv_family_links TO medtime_api
  USING (supervised_user_id = (SELECT auth.uid())) WITH CHECK (supervised_user_id = (SELECT auth.uid()));
CREATE POLICY supervisors_see_their_links ON public.srv_family_links FOR SELECT TO medtime_api
  USING (supervisor_id = (SELECT auth.uid()));

GRANT SELECT, INSERT (user_id), UPDATE (sequence, changed_at) ON public.srv_users TO medtime_api;
GRANT SELECT ON public.srv_user_preferences, public.srv_family_links TO medtime_api;
