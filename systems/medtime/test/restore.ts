import { withClient } from '../../../src/postgres/connection.ts'

const tables = ['srv_users', 'srv_sync_status', 'srv_encrypted_entities']

/** Keeps what the server holds now, so that `turnBack` can bring it back. */
export async function remember(adminUrl: string, name: string): Promise<void> {
  await withClient(adminUrl, async (client) => {
    await client.query(`CREATE SCHEMA ${name}`)
    for (const table of tables) await client.query(`CREATE TABLE ${name}.${table} AS TABLE public.${table}`)
  })
}

/** Puts the server back to what it held then, as a restore does: everything later is gone, and the epoch is another. */
export async function turnBack(adminUrl: string, name: string, options = { raiseEpoch: true }): Promise<void> {
  await withClient(adminUrl, async (client) => {
    await client.query('BEGIN')
    await client.query('TRUNCATE srv_users CASCADE')
    for (const table of tables) await client.query(`INSERT INTO public.${table} SELECT * FROM ${name}.${table}`)
    if (options.raiseEpoch) await client.query('SELECT srv_raise_epoch()')
    await client.query('COMMIT')
  })
}
