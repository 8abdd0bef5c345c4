import type { Log } from '../api/http/log.ts'
import type { End, Receipt } from './outbox.ts'

/** What is told of a message: its id, its type and a code. Never what it says or where it goes. */
export interface MessageEntry {
  message_id: string
  message_type: string
  error_code?: string
}

/** How SMS are counted: the plan lists these and no others. */
export type SmsStatus = 'success' | 'failure' | 'rejected' | 'expired'

export interface MessengerLog {
  sent(entry: MessageEntry): void
  putOff(entry: MessageEntry): void
  doubtful(entry: MessageEntry): void
  ended(entry: MessageEntry, how: End): void
  /** What the provider told of it later. */
  receipt(receipt: Receipt): void
}

const statusOf: Readonly<Record<End, SmsStatus | undefined>> = {
  failed: 'failure',
  unknown: 'failure',
  expired: 'expired',
  limited: 'rejected',
  stopped: 'rejected',
  nobody: 'rejected',
  spread: undefined,
}

/** @param count of SMS by template and how they ended; called for SMS and push messages alike */
export function createMessengerLog(log: Log, count: (template: string, status: SmsStatus) => void): MessengerLog {
  return {
    sent: (entry) => log.info({ event: 'message_sent', ...entry }),
    putOff: (entry) => log.info({ event: 'message_put_off', ...entry }),
    doubtful: (entry) => log.error({ event: 'message_doubtful', ...entry }),
    ended: (entry, how) => {
      const status = statusOf[how]
      if (status !== undefined) count(entry.message_type, status)
      log.info({ event: 'message_ended', ...entry })
    },
    receipt: ({ id, type, status, error_code }) => {
      if (status !== 'accepted') count(type, status === 'delivered' ? 'success' : 'failure')
      log.info({
        event: 'message_receipt',
        message_id: id,
        message_type: type,
        error_code: error_code ?? status.toUpperCase(),
      })
    },
  }
}
