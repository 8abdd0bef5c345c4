import { createHash } from 'node:crypto'
import type { Actor } from 'aval'
import { type Speaker, speak } from './speak.ts'

/** A person who rents cars of others and lets one of their own. */
export interface Person extends Actor {
  /** Id of the login. */
  user: string
  /** The car they let. */
  car: string
  /** What they booked and have not paid. */
  unpaid: { booking: string; amount: string } | undefined
  operations: number
}

/** The database as each of those who speak to it reaches it. */
export interface Speakers {
  /** Stands for Supabase Auth, which signs people up. */
  signUp: Speaker
  /** The payments webhook. */
  payments: Speaker
  person(user: string): Speaker
  visitor: Speaker
}

/** The same text gives the same id. */
export function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** Signs a person up and lists their car, unless both are there. */
export async function moveIn({ signUp, person }: Speakers, id: string): Promise<Person> {
  const user = uuidOf(`autorenta ${id}`)
  await speak(signUp, (ask) =>
    ask('insert into auth.users (id, email) values ($1, $2) on conflict (id) do nothing', [user, `${id}@example.com`]),
  )
  const car = await speak(person(user), async (ask) => {
    const [listed] = await ask<{ id: string }>('select id from cars where owner_id = $1', [user])
    if (listed) return listed.id
    const [made] = await ask<{ id: string }>(
      `insert into cars (owner_id, brand, model, year, daily_rate, status)
       values ($1, 'Fiat', 'Cronos', 2023, 4500, 'active') returning id`,
      [user],
    )
    if (!made) throw new Error('a car that was listed has no id')
    return made.id
  })
  return { id, user, car, unpaid: undefined, operations: 0 }
}
