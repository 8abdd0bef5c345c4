import { setTimeout as passed } from 'node:timers/promises'
import { type Ack, type Ask, type Random, sqlState } from 'aval'
import type { Person, Speakers } from './people.ts'
import type { AckToken } from './read-back.ts'
import { speak } from './speak.ts'

/** What people look at before they do the next thing; without it a handful of clients would be a flood. */
const pauseMs = 20
/** The nights that everybody wants: few, so that most who ask for one meet somebody who has it. */
const wantedNights = 40
const overlap = '23P01'
const noSuchRow = 'P0002'
const forbidden = '42501'

/** What an operation wrote; undefined when nothing was written. */
type Written = AckToken | undefined

/**
 * One thing a person does: book, pay, change their name, or look. Resolves once it was committed.
 * @throws when it was not, or nobody knows
 */
export async function step(
  person: Person,
  cars: readonly string[],
  speakers: Speakers,
  random: Random,
  now: () => number,
): Promise<Ack> {
  await passed(pauseMs)
  const operation = chosen(person, random)
  const sentAt = now()
  const token = await operations[operation](person, cars, speakers, random)
  person.operations++
  return {
    id: `${person.id}-${person.operations}`,
    actor: person.id,
    operation,
    kind: token === undefined ? 'read' : 'write',
    sentAt,
    acknowledgedAt: now(),
    token: token === undefined ? null : { ...token },
  }
}

type Operation = 'book' | 'pay' | 'rename' | 'look' | 'book-own-car'

function chosen({ unpaid }: Person, random: Random): Operation {
  if (unpaid !== undefined && random.next() < 0.7) return 'pay'
  const lot = random.next()
  if (lot < 0.6) return 'book'
  if (lot < 0.8) return 'rename'
  return lot < 0.95 ? 'look' : 'book-own-car'
}

const operations: Record<
  Operation,
  (person: Person, cars: readonly string[], speakers: Speakers, random: Random) => Promise<Written>
> = {
  book: async (person, cars, speakers, random) => {
    const others = cars.filter((car) => car !== person.car)
    const car = random.pick(others)
    const popular = () => dayOf(random.int(wantedNights))
    const quiet = () => dayOf(1_000 + random.int(1_000_000))
    for (const from of [popular(), quiet(), quiet(), quiet()]) {
      const booked = await refusedAsUndefined(overlap, () => book(person, car, from, speakers))
      if (booked === undefined) continue
      person.unpaid = { booking: booked.id, amount: booked.total_amount }
      return { what: 'booking', user: person.user, booking: booked.id, car, from }
    }
    return undefined
  },

  pay: async (person, _cars, { payments }) => {
    const { unpaid } = person
    if (unpaid === undefined) return undefined
    const reference = `mp-${unpaid.booking}`
    // A booking that a restore took away is nobody's to pay for.
    const settled = await refusedAsUndefined(noSuchRow, () =>
      speak(payments, (ask) =>
        ask<{ outcome: string }>('select settle_payment($1, $2, $3) as outcome', [
          unpaid.booking,
          unpaid.amount,
          reference,
        ]),
      ),
    )
    person.unpaid = undefined
    return settled && { what: 'payment', user: person.user, booking: unpaid.booking, reference, amount: unpaid.amount }
  },

  rename: async (person, _cars, speakers) => {
    const edition = person.operations + 1
    await speak(speakers.person(person.user), async (ask) => {
      const changed = await ask('update users set display_name = $2 where id = $1 returning id', [
        person.user,
        `Person ${edition}`,
      ])
      if (changed.length !== 1) throw new Error('the person has no row')
    })
    return { what: 'name', user: person.user, edition }
  },

  look: async (person, _cars, speakers, random) => {
    const look = (ask: Ask) => ask("select id, brand, daily_rate from cars where status = 'active' limit 20")
    if (random.next() < 0.5) await speak(speakers.visitor, look)
    else await speak(speakers.person(person.user), (ask) => ask('select id, status from bookings limit 20'))
    return undefined
  },

  /** Nobody should; somebody tries. Were it accepted, nothing would be promised by it. */
  'book-own-car': async (person, _cars, speakers, random) => {
    await refusedAsUndefined(forbidden, () =>
      book(person, person.car, dayOf(2_000_000 + random.int(500_000)), speakers),
    )
    return undefined
  },
}

async function book({ user }: Person, car: string, from: string, speakers: Speakers) {
  const [booked] = await speak(speakers.person(user), (ask) =>
    ask<{ id: string; total_amount: string }>(
      `insert into bookings (car_id, renter_id, start_date, end_date) values ($1, $2, $3::date, $3::date + 2)
       returning id, total_amount`,
      [car, user, from],
    ),
  )
  if (!booked) throw new Error('a booking that was taken has no id')
  return booked
}

async function refusedAsUndefined<T>(code: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (sqlState(error) === code) return undefined
    throw error
  }
}

/** The date so many days after the beginning of 2027. */
function dayOf(offset: number): string {
  const date = new Date(Date.UTC(2027, 0, 1) + offset * 86_400_000)
  return date.toISOString().slice(0, 10)
}
