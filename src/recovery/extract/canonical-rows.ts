import { type Client, escapeIdentifier } from 'pg'
import { z } from 'zod'
import type { Table } from './table-catalog.ts'

/**
 * A session that writes values as any other such session does, exactly, so that the text of a row can be compared between servers
 * and read back without loss. Names are looked up nowhere, so that none can be taken for another.
 */
export const canonicalSession = `
SET client_encoding = 'UTF8';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET timezone = 'UTC';
SET extra_float_digits = 3;
SET bytea_output = 'hex';
SET lc_monetary = 'C';
SET xmloption = 'content';
SET standard_conforming_strings = on;
SET check_function_bodies = off;
SET search_path = '';
SET row_security = off;
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0`

/** A row as one text: of two rows it is equal exactly when all their values are. */
export function rowText(alias: string, columns: readonly string[]): string {
  return `ROW(${columns.map((name) => `${alias}.${escapeIdentifier(name)}`).join(', ')})::text`
}

/** Columns a row is given with; those the server computes come by themselves. */
export function givenColumns(table: Table): string[] {
  return table.columns.filter(({ generated }) => !generated).map(({ name }) => name)
}

export interface RowsDigest {
  rows: number
  /** The same for the same rows in any order: two sums over halves of SHA-256 of each row's text, in hexadecimal. */
  checksum: string
}

/**
 * Counts rows and sums them up.
 * @param from what follows FROM, the rows being named `alias`
 */
export async function digestRows(
  client: Client,
  alias: string,
  columns: readonly string[],
  from: string,
): Promise<RowsDigest> {
  const half = (at: number) =>
    `coalesce(sum(('x' || encode(substr(h, ${at}, 8), 'hex'))::bit(64)::bigint::numeric), 0)::text`
  const { rows } = await client.query(
    `SELECT count(*)::float8 AS rows, ${half(1)} || '/' || ${half(9)} AS checksum
     FROM (SELECT sha256(convert_to(${rowText(alias, columns)}, 'UTF8')) AS h FROM ${from}) AS hashed`,
  )
  return digest.parse(rows[0])
}

const digest = z.object({ rows: z.number(), checksum: z.string() })
