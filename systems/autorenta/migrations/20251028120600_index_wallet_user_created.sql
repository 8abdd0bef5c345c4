create index concurrently idx_wallet_user_created on public.wallet_transactions (user_id, created_at desc);
