DROP TRIGGER srv_sessions_tell_end ON public.srv_sessions;
DROP TRIGGER srv_sessions_tell_removal ON public.srv_sessions;
DROP FUNCTION public.srv_tell_session_end();
