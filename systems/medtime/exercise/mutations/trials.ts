import type { Mutation } from 'aval'
import { restlessClients } from '../trials/client-repeats.ts'
import { preload } from './preload.ts'

/** The first message under a limit is counted elsewhere, so that one more goes than should. */
function oneMore(limit: string, description: string, buckets: readonly string[]): Mutation {
  const counted = buckets.map((bucket) => `new.bucket LIKE '${bucket}:%'`).join(' OR ')
  return {
    id: `one-more-${limit.replaceAll('_', '-')}`,
    breaks: `limits/${limit}/exact`,
    description,
    sql: [
      `CREATE FUNCTION public.mutant_elsewhere() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $mutant$
        BEGIN
          IF (${counted}) AND NOT EXISTS (SELECT FROM public.srv_message_sends AS s WHERE s.bucket = 'first ' || new.bucket) THEN
            new.bucket := 'first ' || new.bucket;
          END IF;
          RETURN new;
        END $mutant$`,
      `CREATE TRIGGER mutant_elsewhere BEFORE INSERT ON public.srv_message_sends
        FOR EACH ROW EXECUTE FUNCTION public.mutant_elsewhere()`,
    ],
  }
}

/** Breaks of the limits that trials hold: of the SDK, of images, and of messages. */
export const trialsMutations: Mutation[] = [
  {
    id: restlessClients,
    breaks: 'limits/sync_repeats/exact',
    description: 'A client begins again where it should have given up',
  },
  {
    id: 'image-a-byte-larger',
    breaks: 'limits/ocr_image/exact',
    description: 'An image may have one byte more',
    environment: preload('api', 'larger-images.ts'),
  },
  {
    id: 'image-a-pixel-larger',
    breaks: 'limits/ocr_pixels/exact',
    description: 'An image may have one pixel more',
    environment: preload('api', 'more-pixels.ts'),
  },
  {
    id: 'images-take-longer',
    breaks: 'limits/ocr_time/exact',
    description: 'An image may take three seconds longer',
    environment: preload('api', 'longer-images.ts'),
  },
  {
    id: 'codes-live-longer',
    breaks: 'limits/mfa_code/exact',
    description: 'A code sent by SMS is good for a second longer',
    environment: preload('accounts', 'longer-codes.ts'),
  },
  oneMore('push_by_device', 'A device gets one push message more in an hour', ['device']),
  oneMore('push_by_topic', 'A topic gets one push message more in an hour', ['topic']),
  oneMore('sms_by_user', 'A user gets one SMS more in a day', ['sms-user']),
  oneMore('sms_by_number', 'From a number goes one SMS more in a day', ['sms-from']),
  oneMore('sms_pause', 'A second SMS follows the first at once', ['sms-user', 'sms-to']),
  {
    id: 'attempts-uncounted',
    breaks: 'limits/sms_attempts/exact',
    description: 'An attempt to deliver an SMS is not counted, so that none is the last',
    sql: [
      `CREATE FUNCTION public.mutant_uncounted() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $mutant$
        BEGIN
          new.attempts := old.attempts;
          RETURN new;
        END $mutant$`,
      `CREATE TRIGGER mutant_uncounted BEFORE UPDATE ON public.srv_messages
        FOR EACH ROW EXECUTE FUNCTION public.mutant_uncounted()`,
    ],
  },
]
