DROP FUNCTION public.srv_raise_epoch();
DROP FUNCTION public.srv_status(uuid, integer);
DROP FUNCTION public.srv_pull(uuid, text, timestamptz, bigint, bigint, timestamptz, integer, integer);
DROP FUNCTION public.srv_push(
  uuid, text, timestamptz, bigint, boolean, uuid[], text[], integer[], integer[], boolean[], text[], text[], integer[],
  integer[], bytea
);
