/** The table of the naive server: one key, and the index its pull walks along. */
export const naiveSchema = `
  CREATE TABLE naive_entities (
    id uuid PRIMARY KEY, user_id uuid NOT NULL, entity_type text NOT NULL, version integer NOT NULL, deleted boolean NOT NULL,
    key_id text NOT NULL, encrypted_blob bytea NOT NULL, checksum text NOT NULL, client_id text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(), sequence bigserial
  );
  CREATE INDEX ON naive_entities (user_id, sequence);
`
