DROP TABLE public.srv_sync_status;
DROP TABLE public.srv_encrypted_entities;
DROP TABLE public.srv_cursor_key;
DROP TABLE public.srv_sync_epoch;
