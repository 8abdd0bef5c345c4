DELETE FROM public.srv_catalog_names;
DELETE FROM public.srv_catalog_medicines;
DELETE FROM public.srv_catalog_versions;
