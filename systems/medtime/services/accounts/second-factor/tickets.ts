import { createHash, randomBytes } from 'node:crypto'
import type { Run } from '../../api/database.ts'

/** What a ticket continues. */
export interface Ticket {
  /** `set_up` leads to no session: it was given to somebody who has one. */
  purpose: 'sign_in' | 'set_up'
  device: string
  /** A password was shown, so that the master key may be given with the tokens. */
  withKey: boolean
  /** A second factor was set up with it, which took a code. */
  satisfied: boolean
}

/** Continues a sign-in after its first factor, in transactions that speak as the user the ticket names. */
export interface Tickets {
  issue(run: Run, user: string, ticket: Omit<Ticket, 'satisfied'>): Promise<string>
  /** @param guess counts a try: a ticket is good for five codes */
  read(run: Run, text: string, guess: boolean): Promise<Ticket | undefined>
  satisfy(run: Run, text: string): Promise<void>
  close(run: Run, text: string): Promise<void>
}

const ticketMs = 10 * 60_000
const tries = 5
/** First byte of a ticket: its layout. */
const layout = 2

/** Whose ticket it is, as it says itself; undefined when the text is none. */
export function ticketUser(text: string): string | undefined {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length !== 49 || bytes[0] !== layout) return undefined
  return bytes.toString('hex', 1, 17).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

interface Row {
  purpose: 'sign_in' | 'set_up'
  device_id: string
  with_key: boolean
  satisfied: boolean
}

/** @param now milliseconds since the epoch */
export function createTickets(now: () => number): Tickets {
  const key = (text: string) => [ticketUser(text), createHash('sha256').update(text).digest()]
  return {
    issue: async (run, user, { purpose, device, withKey }) => {
      const bytes = [Buffer.of(layout), Buffer.from(user.replaceAll('-', ''), 'hex'), randomBytes(32)]
      const text = Buffer.concat(bytes).toString('base64url')
      const at = new Date(now())
      await run('forget tickets', 'DELETE FROM public.srv_sign_in_tickets WHERE user_id = $1 AND expires_at < $2', [
        user,
        at,
      ])
      await run(
        'issue ticket',
        `INSERT INTO public.srv_sign_in_tickets (user_id, ticket_hash, purpose, device_id, with_key, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)`,
        [...key(text), purpose, device, withKey, new Date(at.getTime() + ticketMs)],
      )
      return text
    },
    read: async (run, text, guess) => {
      const rows = await run<Row>(
        'read ticket',
        `UPDATE public.srv_sign_in_tickets SET tries = tries + $3
         WHERE user_id = $1 AND ticket_hash = $2 AND expires_at > $4 AND tries < $5
         RETURNING purpose, device_id, with_key, satisfied`,
        [...key(text), guess ? 1 : 0, new Date(now()), tries],
      )
      const [row] = rows
      return (
        row && {
          purpose: row.purpose,
          device: row.device_id,
          withKey: row.with_key,
          satisfied: row.satisfied,
        }
      )
    },
    satisfy: async (run, text) => {
      await run(
        'satisfy ticket',
        'UPDATE public.srv_sign_in_tickets SET satisfied = true WHERE user_id = $1 AND ticket_hash = $2',
        key(text),
      )
    },
    close: async (run, text) => {
      await run(
        'close ticket',
        'DELETE FROM public.srv_sign_in_tickets WHERE user_id = $1 AND ticket_hash = $2',
        key(text),
      )
    },
  }
}
