import type { Mutation } from 'aval'
import { preload } from './preload.ts'

/** Breaks of what messages promise. */
export const messagesMutations: Mutation[] = [
  {
    id: 'ended-devices-stay',
    breaks: 'behaviour/api/device-registration',
    description: 'A device that was ended stays registered and goes on getting messages',
    sql: [
      `CREATE FUNCTION public.mutant_stay() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $stay$
        BEGIN
          RETURN NULL;
        END $stay$`,
      `CREATE TRIGGER mutant_stay BEFORE DELETE ON public.srv_message_devices
        FOR EACH ROW EXECUTE FUNCTION public.mutant_stay()`,
    ],
  },
  {
    id: 'any-signature-of-a-webhook',
    breaks: 'behaviour/api/webhook-signed',
    description: 'The signature of a webhook is compared with nothing',
    environment: preload('api', 'any-signature.ts'),
  },
]
