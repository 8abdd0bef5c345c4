DROP TABLE public.srv_catalog_looks;
DROP TABLE public.srv_catalog_duties;
