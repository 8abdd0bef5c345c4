-- Every index is written with every entity. idx_entities_sync leaves tombstones out, which are changes like any other: nothing that is
-- asked of this table can use it. What one type of a user is asked for (what a supervisor may read, a rotation) is walked in the order of
-- numbers, which idx_entities_sequence gives; idx_entities_user_type would have to be sorted. idx_entities_updated serves whoever looks
-- for changes of a time across all users, which is rare; times rise with the place of a row, so that a summary of each range of pages
-- finds them, and costs a push next to nothing.
DROP INDEX public.idx_entities_sync, public.idx_entities_user_type, public.idx_entities_updated;
CREATE INDEX idx_entities_updated ON public.srv_encrypted_entities USING brin (updated_at);
