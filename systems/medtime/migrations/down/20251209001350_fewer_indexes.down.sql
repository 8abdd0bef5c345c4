DROP INDEX public.idx_entities_updated;
CREATE INDEX idx_entities_updated ON public.srv_encrypted_entities (updated_at);
CREATE INDEX idx_entities_user_type ON public.srv_encrypted_entities (user_id, entity_type);
CREATE INDEX idx_entities_sync ON public.srv_encrypted_entities (user_id, updated_at) WHERE deleted_at IS NULL;
