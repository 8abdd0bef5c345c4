DROP TABLE public.srv_ocr_requests;
