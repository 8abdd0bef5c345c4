CREATE OR REPLACE FUNCTION public.srv_count_bytes(p_user uuid) RETURNS void
  LANGUAGE sql VOLATILE SECURITY INVOKER
  SET search_path = ''
AS $count$
  UPDATE public.srv_users AS u SET held_bytes = coalesce(
      (SELECT sum(e.blob_size) FROM public.srv_encrypted_entities AS e WHERE e.user_id = p_user), 0)
    WHERE u.user_id = p_user
$count$;

DROP FUNCTION public.srv_put_file, public.srv_get_file, public.srv_drop_file;
DROP TABLE public.srv_file_chunks, public.srv_files;
