-- The epoch counts the histories of this database: a restore to an earlier moment begins a new one. One row.
CREATE TABLE public.srv_sync_epoch (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  epoch bigint NOT NULL CHECK (epoch > 0),
  raised_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO public.srv_sync_epoch (epoch) VALUES (1);

-- The key that cursors are signed with stands in the database, so that it is the same for every instance, survives their
-- restarts, and travels with a restore. One row; two random UUIDs hold 244 random bits.
CREATE TABLE public.srv_cursor_key (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  key bytea NOT NULL CHECK (octet_length(key) = 32)
);
INSERT INTO public.srv_cursor_key (key)
  VALUES (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));

-- What the server keeps: blobs it cannot open, and no more beside them than sync needs. The key begins with the user, so that
-- the id of somebody else's entity is as free as any other: one global key would tell which ids are taken.
CREATE TABLE public.srv_encrypted_entities (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  entity_type text NOT NULL CHECK (length(entity_type) BETWEEN 1 AND 64),
  encrypted_blob bytea NOT NULL,
  version integer NOT NULL DEFAULT 1 CHECK (version >= 1),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  -- Soft deletion: the row stays as a tombstone, whose blob the client has signed like any other.
  deleted_at timestamptz,
  -- The device that wrote it.
  client_id text NOT NULL CHECK (length(client_id) BETWEEN 1 AND 64),
  key_id text NOT NULL CHECK (length(key_id) BETWEEN 1 AND 64),
  blob_size integer NOT NULL,
  checksum text NOT NULL CHECK (length(checksum) = 64),
  -- The user's number of this change, and the epoch it was made in.
  sequence bigint NOT NULL CHECK (sequence > 0),
  epoch bigint NOT NULL,
  PRIMARY KEY (user_id, id),
  CONSTRAINT blob_size_limit CHECK (blob_size BETWEEN 1 AND 1048576),
  CONSTRAINT blob_size_true CHECK (blob_size = octet_length(encrypted_blob))
);

-- Ciphertext does not compress: trying costs time and gains nothing.
ALTER TABLE public.srv_encrypted_entities ALTER COLUMN encrypted_blob SET STORAGE EXTERNAL;

CREATE INDEX idx_entities_user_type ON public.srv_encrypted_entities (user_id, entity_type);
CREATE INDEX idx_entities_updated ON public.srv_encrypted_entities (updated_at);
CREATE INDEX idx_entities_sync ON public.srv_encrypted_entities (user_id, updated_at) WHERE deleted_at IS NULL;
-- What a pull walks along: tombstones are changes too, so nothing is left out.
CREATE UNIQUE INDEX idx_entities_sequence ON public.srv_encrypted_entities (user_id, sequence);

-- How far each device is: `written` is the number of the last change it made, `seen` the number up to which it was given every
-- change, `sync_version` the higher of both. The vector of a device follows from these: of another device it has every
-- change up to the lower of what that one wrote and what it has itself seen.
CREATE TABLE public.srv_sync_status (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  device_id text NOT NULL CHECK (length(device_id) BETWEEN 1 AND 64),
  last_sync_at timestamptz,
  sync_version bigint NOT NULL DEFAULT 0,
  written bigint NOT NULL DEFAULT 0,
  seen bigint NOT NULL DEFAULT 0,
  UNIQUE (user_id, device_id)
) WITH (fillfactor = 50);

ALTER TABLE public.srv_sync_epoch ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_sync_epoch FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_cursor_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_cursor_key FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_encrypted_entities ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_encrypted_entities FORCE ROW LEVEL SECURITY;
ALTER TABLE public.srv_sync_status ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_sync_status FORCE ROW LEVEL SECURITY;

-- Nobody's data: the API reads both, the owner raises the epoch after a restore.
CREATE POLICY everybody_reads ON public.srv_sync_epoch FOR SELECT TO medtime_api USING (true);
CREATE POLICY owner_raises ON public.srv_sync_epoch TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY everybody_reads ON public.srv_cursor_key FOR SELECT TO medtime_api USING (true);

CREATE POLICY users_own_data ON public.srv_encrypted_entities TO medtime_api
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
-- An active link lets a supervisor read, and nothing else: this policy is for SELECT alone. Policies are tried in the order of
-- their names: without its first condition every read of one's own rows would look up the links as well.
CREATE POLICY family_access ON public.srv_encrypted_entities FOR SELECT TO medtime_api
  USING (
    user_id <> (SELECT auth.uid())
    AND user_id IN (
      SELECT supervised_user_id FROM public.srv_family_links
      WHERE supervisor_id = (SELECT auth.uid()) AND status = 'active'
    )
  );
CREATE POLICY users_own_data ON public.srv_sync_status TO medtime_api
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));

GRANT SELECT ON public.srv_sync_epoch, public.srv_cursor_key TO medtime_api;
-- Column by column: whose a row is, what it is and when it came are set once. Nothing is ever deleted by the API.
GRANT SELECT,
  INSERT (id, user_id, entity_type, encrypted_blob, version, created_at, updated_at, deleted_at, client_id, key_id,
    blob_size, checksum, sequence, epoch),
  UPDATE (entity_type, encrypted_blob, version, updated_at, deleted_at, client_id, key_id, blob_size, checksum, sequence,
    epoch)
  ON public.srv_encrypted_entities TO medtime_api;
GRANT SELECT, INSERT (user_id, device_id, last_sync_at, sync_version, written, seen),
  UPDATE (last_sync_at, sync_version, written, seen)
  ON public.srv_sync_status TO medtime_api;
