DROP FUNCTION public.srv_family_pull;
DROP TABLE public.srv_family_keys;

DROP POLICY family_access ON public.srv_encrypted_entities;
CREATE POLICY family_access ON public.srv_encrypted_entities FOR SELECT TO medtime_api
  USING (
    user_id <> (SELECT auth.uid())
    AND user_id IN (
      SELECT supervised_user_id FROM public.srv_family_links
      WHERE supervisor_id = (SELECT auth.uid()) AND status = 'active'
    )
  );

DROP POLICY supervised_see_their_links ON public.srv_family_links;
DROP POLICY supervised_decide ON public.srv_family_links;
DROP POLICY supervisors_accept ON public.srv_family_links;
DROP POLICY supervisors_give_up ON public.srv_family_links;
DROP POLICY supervisors_clear ON public.srv_family_links;
CREATE POLICY supervised_decide ON public.srv_family_links TO medtime_api
  USING (supervised_user_id = (SELECT auth.uid())) WITH CHECK (supervised_user_id = (SELECT auth.uid()));
DROP TABLE public.srv_family_invites;
REVOKE INSERT, UPDATE, DELETE ON public.srv_family_links FROM medtime_api;
ALTER TABLE public.srv_family_links
  DROP COLUMN invite_id,
  DROP COLUMN entity_types,
  DROP COLUMN access_days,
  DROP COLUMN expires_at,
  DROP COLUMN commitment,
  DROP COLUMN supervisor_public_key,
  DROP COLUMN supervisor_nonce,
  DROP COLUMN supervisor_tag,
  DROP COLUMN supervised_public_key,
  DROP COLUMN supervised_nonce;
