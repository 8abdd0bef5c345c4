import type { Mutation } from 'aval'
import { idOf } from './ids.ts'

const [clinic, row] = [idOf('broken clinic'), idOf('broken row')]

/** A clinic with a package of one session, of which two are booked. */
const overdrawn = [
  `INSERT INTO "tenants" ("id", "slug", "name") VALUES ('${clinic}', 'broken', 'Broken')`,
  `INSERT INTO "users" ("tenantId", "id", "email", "name") VALUES ('${clinic}', '${row}', 'desk@clinic.test', 'Desk')`,
  `INSERT INTO "clients" ("tenantId", "id", "name") VALUES ('${clinic}', '${row}', 'Client')`,
  `INSERT INTO "packages" ("tenantId", "id", "clientId", "name", "sessions", "price") VALUES ('${clinic}', '${row}', '${row}', 'One', 1, 45)`,
  `INSERT INTO "reservations" ("tenantId", "clientId", "userId", "packageId", "startsAt", "endsAt")
   SELECT '${clinic}', '${row}', '${row}', '${row}', at, at + interval '1 hour'
   FROM generate_series('2026-01-05 10:00+00'::timestamptz, '2026-01-06 10:00+00', '1 day') AS at`,
]

/** A break of each promise that this database keeps by its own shape. */
export const mutations: readonly Mutation[] = [
  {
    id: 'payments-unlogged',
    breaks: 'recovery/production/loss',
    description: 'The table of payments writes no log, so that a restore brings it back empty',
    sql: ['ALTER TABLE "payments" SET UNLOGGED'],
  },
  {
    id: 'sessions-not-counted',
    breaks: 'integrity/database/package-not-overdrawn',
    description: 'A session is booked from a package without a look at how many are left',
  },
  {
    id: 'package-overdrawn',
    breaks: 'integrity/database/package-not-overdrawn',
    description: 'A package of one session has two reservations',
    sql: overdrawn,
  },
  {
    id: 'table-unguarded',
    breaks: 'integrity/database/every-table-guarded',
    description: 'A table was added without row level security',
    sql: ['CREATE TABLE "notes" ("tenantId" UUID NOT NULL, "text" TEXT)'],
  },
  {
    id: 'constraint-unchecked',
    breaks: 'integrity/database/constraints-are-valid',
    description: 'A constraint was added and never validated',
    sql: ['ALTER TABLE "packages" ADD CONSTRAINT "later" CHECK ("price" < 1000000) NOT VALID'],
  },
  {
    id: 'refund-exceeds',
    breaks: 'integrity/database/refund-within-payment',
    description: 'More was given back than had been paid',
    sql: [
      ...overdrawn.slice(0, 3),
      `INSERT INTO "payments" ("tenantId", "id", "clientId", "method", "amount") VALUES ('${clinic}', '${row}', '${row}', 'cash', 10)`,
      `INSERT INTO "payments" ("tenantId", "clientId", "refundOf", "method", "amount") VALUES ('${clinic}', '${row}', '${row}', 'cash', -11)`,
    ],
  },
]
