import { createHash } from 'node:crypto'
import type { Actor } from 'aval'
import { asTenant, type Door } from './as-tenant.ts'

/** A customer of one of a few utilities, with a take, a meter and a contract. */
export interface Household extends Actor {
  tenant: string
  meter: string
  contract: string
  toma: string
  /** What the dial showed last, cubic metres, and how many readings there were. */
  dial: { value: number; readings: number }
  /** The first day that is not billed yet, counted from the first day of the tariff. */
  nextDay: number
  /** What was issued and is not paid. */
  owed: { invoice: string; total: string } | undefined
  operations: number
}

/** The database as each of those who speak to it reaches it. */
export interface Doors {
  /** Opens accounts of utilities, which no service may. */
  owner: Door
  api: Door
  worker: Door
}

const utilities = 3

/** The same text gives the same id. */
export function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** Makes the utility of a household and the household itself, unless they are there. */
export async function moveIn(doors: Doors, seed: number, index: number): Promise<Household> {
  const utility = `utility-${seed}-${index % utilities}`
  const id = `household-${seed}-${index}`
  const [tenant, person, address, sector, toma, meter, contract] = [
    uuidOf(utility),
    ...['person', 'address', 'sector', 'toma', 'meter', 'contract'].map((what) => uuidOf(`${what} of ${id}`)),
  ]
  await asTenant(doors.owner, undefined, async (ask) => {
    await ask(
      `INSERT INTO tenants (id, slug, name, rfc, fiscal_name) VALUES ($1, $2, $2, 'UTI850101AAA', $2) ON CONFLICT DO NOTHING`,
      [tenant, utility],
    )
    await ask(
      `INSERT INTO tariff_schedules (tenant_id, id, name, type, effective_from, blocks) VALUES ($1, $1, 'Domestico', 'domestico', $2, $3)
       ON CONFLICT DO NOTHING`,
      [tenant, tariffBegins, JSON.stringify(blocks)],
    )
  })
  return asTenant(doors.api, tenant, async (ask) => {
    for (const [table, columns, values] of [
      ['persons', 'tenant_id, id, first_name, paternal_surname', [tenant, person, 'Household', String(index)]],
      [
        'addresses',
        'tenant_id, id, person_id, street, exterior_number, neighbourhood, municipality, postal_code',
        [tenant, address, person, 'Calle', String(index), 'Centro', 'Queretaro', '76000'],
      ],
      ['sectores_hidraulicos', 'tenant_id, id, code, name', [tenant, sector, id, id]],
      ['tomas', 'tenant_id, id, account_number, sector_id, address_id', [tenant, toma, id, sector, address]],
      ['meters', 'tenant_id, id, serial_number, toma_id, installed_on', [tenant, meter, id, toma, '2024-01-01']],
      [
        'contracts',
        'tenant_id, id, number, person_id, toma_id, starts_on',
        [tenant, contract, id, person, toma, '2024-01-01'],
      ],
    ] as const)
      await ask(
        `INSERT INTO ${table} (${columns}) VALUES (${values.map((_, at) => `$${at + 1}`).join(', ')}) ON CONFLICT DO NOTHING`,
        values,
      )
    const [known] = await ask<{ value: string; readings: number; next_day: number }>(
      `SELECT (SELECT coalesce(max(value_m3), 0) FROM meter_readings WHERE meter_id = $1) AS value,
         (SELECT count(*)::int FROM meter_readings WHERE meter_id = $1) AS readings,
         (SELECT coalesce(max(period_end) - $3::date, 0) FROM invoices WHERE contract_id = $2) AS next_day`,
      [meter, contract, tariffBegins],
    )
    if (!known || !tenant || !meter || !contract || !toma) throw new Error('the household that moved in is not there')
    const dial = { value: Number(known.value), readings: known.readings }
    return { id, tenant, meter, contract, toma, dial, nextDay: known.next_day, owed: undefined, operations: 0 }
  })
}

export const tariffBegins = '2026-01-01'

/** Prices of the domestic tariff of the document's seed, pesos a cubic metre (`SUPRA-DEVOPS §1.5`). */
const blocks = [
  { from_m3: 0, to_m3: 10, price_per_m3: 5.5, fixed_charge: 45 },
  { from_m3: 10, to_m3: 20, price_per_m3: 8.75, fixed_charge: 0 },
  { from_m3: 20, to_m3: 40, price_per_m3: 14.5, fixed_charge: 0 },
  { from_m3: 40, to_m3: null, price_per_m3: 22, fixed_charge: 0 },
]
