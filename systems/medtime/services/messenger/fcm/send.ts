import type { Outcome } from '../outcome.ts'
import { askProvider } from '../request.ts'
import { createAccessTokens } from './access-token.ts'
import { classifyFcm } from './classify.ts'
import type { ServiceAccount } from './service-account.ts'

/** One push message, to a device or to everybody who listens to a topic. */
export interface Push {
  id: string
  type: string
  to: { token: string } | { topic: string }
  title: string
  body: string
  link: string
  /** Seconds after which nobody needs it any more. */
  lifetime: number
  /** The same moment, in seconds since the epoch. */
  expires: number
}

export type SendPush = (push: Push) => Promise<Outcome>

/**
 * Sends through FCM's HTTP v1 API (`projects.messages.send`). The id of the message is the tag on Android and the collapse id at Apple's, so
 * that a message that comes twice replaces itself on the screen, and it is in `data` for the app to know it by.
 * @param origin `https://fcm.googleapis.com`, or where a double of it listens
 */
export function fcmSender(options: {
  account: ServiceAccount
  origin: string
  now: () => number
  timeoutMs?: number
}): SendPush {
  const { account, origin } = options
  const tokens = createAccessTokens(account, options.now)
  return async (push) => {
    const token = await tokens.get().catch(() => undefined)
    if (token === undefined) return { kind: 'later', code: 'NO_ACCESS_TOKEN' }
    const answer = await askProvider(
      `${origin}/v1/projects/${account.project_id}/messages:send`,
      {
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ message: messageOf(push) }),
      },
      options.timeoutMs,
    )
    if (answer.kind === 'answered' && answer.status === 401) tokens.forget()
    return classifyFcm(answer)
  }
}

function messageOf({ id, type, to, title, body, link, lifetime, expires }: Push) {
  return {
    ...to,
    notification: { title, body },
    data: { message_id: id, type, link },
    android: { priority: 'HIGH', ttl: `${lifetime}s`, notification: { tag: id } },
    apns: { headers: { 'apns-priority': '10', 'apns-collapse-id': id, 'apns-expiration': String(expires) } },
  }
}
