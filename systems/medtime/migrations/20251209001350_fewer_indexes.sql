-- Every index is written with every entity. idx_entities_sync leaves tombstones out, which are changes like any other: nothing that is
-- asked of this table can use it. idx_entities_updated serves whoever looks for changes of a time across all users, which is rare; times
-- rise with the place of a row, so that a summary of each range of pages finds them, and costs a push next to nothing.
DROP INDEX public.idx_entities_sync;
DROP INDEX public.idx_entities_updated;
CREATE INDEX idx_entities_updated ON public.srv_encrypted_entities USING brin (updated_at);
