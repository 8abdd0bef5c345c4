-- The role stays: it belongs to the server, other databases may use it.
DROP POLICY sender ON public.srv_sync_epoch;
REVOKE SELECT ON public.srv_sync_epoch FROM medtime_messenger;
DROP FUNCTION public.srv_note_wish(bytea, text, bytea, timestamptz);
DROP FUNCTION public.srv_note_receipt(bytea, uuid, text, text, text, timestamptz);
DROP FUNCTION public.srv_enqueue_message(uuid, uuid, text, text, text, text, text, bytea, timestamptz, timestamptz);
DROP TABLE public.srv_message_wishes;
DROP TABLE public.srv_message_receipts;
DROP TABLE public.srv_message_sends;
DROP TABLE public.srv_messages;
DROP TABLE public.srv_message_phone_checks;
DROP TABLE public.srv_message_phones;
DROP TABLE public.srv_message_devices;
REVOKE USAGE ON SCHEMA public FROM medtime_messenger;
