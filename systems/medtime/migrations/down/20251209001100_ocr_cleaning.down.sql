DROP FUNCTION public.srv_clean_ocr_requests;
DROP FUNCTION public.srv_note_ocr;
DROP POLICY cleaning_ends ON public.srv_ocr_requests;
DROP POLICY cleaning_removes ON public.srv_ocr_requests;
DROP POLICY cleaning_sees ON public.srv_ocr_requests;
REVOKE INSERT (id, user_id, status, created_at), UPDATE (status, completed_at, error_code)
  ON public.srv_ocr_requests FROM medtime_api;
