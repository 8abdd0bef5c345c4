DROP FUNCTION public.srv_read, public.srv_compact;
DROP POLICY compaction_reads ON public.srv_encrypted_entities;
DROP POLICY compaction_deletes ON public.srv_encrypted_entities;
DROP POLICY compaction_reads ON public.srv_users;
DROP POLICY compaction_counts ON public.srv_users;
DROP POLICY compaction_reads ON public.srv_sync_status;
DROP INDEX public.idx_entities_tombstones, public.idx_users_floor_raised;
ALTER TABLE public.srv_users DROP COLUMN floor, DROP COLUMN floor_at, DROP COLUMN floor_raised_at;
