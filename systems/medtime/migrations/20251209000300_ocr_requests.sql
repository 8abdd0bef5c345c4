-- What is known of a recognition once it is over: that it was asked for, when, and how it ended. Never the image or its text.
CREATE TABLE public.srv_ocr_requests (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES public.srv_users (user_id) ON DELETE CASCADE,
  status text NOT NULL CHECK (status IN ('pending', 'processing', 'done', 'failed')),
  created_at timestamptz NOT NULL DEFAULT now(),
  completed_at timestamptz,
  error_code text CHECK (error_code ~ '^[A-Z][A-Z0-9_]{0,63}$'),
  PRIMARY KEY (user_id, id)
);

-- The daily cleaning looks for the oldest.
CREATE INDEX idx_ocr_requests_created ON public.srv_ocr_requests (created_at);

ALTER TABLE public.srv_ocr_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.srv_ocr_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY users_own_data ON public.srv_ocr_requests TO medtime_api
  USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
GRANT SELECT ON public.srv_ocr_requests TO medtime_api;
