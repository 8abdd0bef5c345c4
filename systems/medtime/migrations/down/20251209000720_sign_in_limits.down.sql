DROP TABLE public.srv_spent_challenges;
DROP TABLE public.srv_auth_counts;
ALTER TABLE public.srv_account_passwords DROP COLUMN registration_id;
