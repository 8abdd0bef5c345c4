import type { PhoneNumber } from '../../api/messages/phone-number.ts'
import type { Outcome } from '../outcome.ts'
import { askProvider } from '../request.ts'
import { classifyTwilio } from './classify.ts'

export interface Sms {
  id: string
  from: PhoneNumber
  to: PhoneNumber
  body: string
  /** Seconds after which nobody needs it any more. */
  lifetime: number
}

export type SendSms = (sms: Sms) => Promise<Outcome>

export interface TwilioAccount {
  accountSid: string
  /** What requests are signed in with: an API key and its secret, or the account itself and its auth token. */
  user: string
  password: string
}

/** Twilio takes 1 to 36,000 s. */
const longestValidity = 36_000

/**
 * Sends through Twilio's Messages resource. The address for its receipts carries our id, so that a message whose sender died before the
 * answer came is recognised by its first receipt.
 * @param origin `https://api.twilio.com`, or where a double of it listens
 * @param webhookOrigin of our own API, as Twilio reaches it
 */
export function twilioSender(options: {
  account: TwilioAccount
  origin: string
  webhookOrigin: string
  timeoutMs?: number
}): SendSms {
  const { accountSid, user, password } = options.account
  const authorization = `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`
  return async ({ id, from, to, body, lifetime }) => {
    const parameters = new URLSearchParams({
      To: to,
      From: from,
      Body: body,
      StatusCallback: `${options.webhookOrigin}/messages/twilio/status?message=${id}`,
      ValidityPeriod: String(Math.min(Math.max(lifetime, 1), longestValidity)),
    })
    const answer = await askProvider(
      `${options.origin}/2010-04-01/Accounts/${accountSid}/Messages.json`,
      {
        headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
        body: parameters.toString(),
      },
      options.timeoutMs,
    )
    return classifyTwilio(answer)
  }
}
