-- The extension stays: others may use it by now. The role stays as well, as it may own a connection of this moment.
DROP FUNCTION public.srv_catalog_search;
DROP TABLE public.srv_catalog_records, public.srv_catalog_sources, public.srv_catalog_lists, public.srv_catalog_names,
  public.srv_catalog_medicines, public.srv_catalog_versions;
