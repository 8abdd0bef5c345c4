DROP TABLE public.srv_sign_in_tickets;
DROP TABLE public.srv_sms_factors;
DROP TABLE public.srv_recovery_codes;
DROP TABLE public.srv_totp_secrets;
