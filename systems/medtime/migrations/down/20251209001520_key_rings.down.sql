REVOKE UPDATE (sealed_number) ON public.srv_message_phones FROM medtime_messenger;
REVOKE UPDATE (sealed_token) ON public.srv_message_devices FROM medtime_messenger;
DROP POLICY sender_reseals ON public.srv_message_phones;
REVOKE UPDATE (sealed_private_key) ON public.srv_signing_keys FROM medtime_accounts;
REVOKE UPDATE (sealed_setup) ON public.srv_opaque_setup FROM medtime_accounts;
DROP TABLE public.srv_names_checks;
DROP FUNCTION public.srv_sealed_users(uuid, integer);
DROP POLICY resealing_sees ON public.srv_sms_factors;
DROP POLICY resealing_sees ON public.srv_totp_secrets;
