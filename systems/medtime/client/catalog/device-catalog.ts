import { z } from 'zod'
import { type ApiOptions, createRequest, refusal } from '../request.ts'
import { createDeviceIndex, type DeviceIndex } from './device-index.ts'
import { digestOf } from './digest.ts'
import type { Language, Medicine } from './medicine.ts'
import { pack, packedSchema, unpack } from './packed.ts'
import { type SearchResult, tellResults } from './result.ts'

const downloadSchema = z.object({
  version: z.int().min(0),
  since: z.int().nullable(),
  digest: z.string(),
  medicines: z.array(packedSchema),
  removed: z.array(z.string()),
})
const keptSchema = z.object({ version: z.int().min(0), medicines: z.array(packedSchema) })

/** Where a device keeps the catalog between runs. It holds nobody's data and needs no sealing. */
export interface CatalogKeeper {
  load(): Promise<string | undefined>
  save(text: string): Promise<void>
}

export interface DeviceCatalogOptions extends Omit<ApiOptions, 'device'> {
  /** Only in memory unless told. */
  keeper?: CatalogKeeper
}

/** The catalog on the device: once it is there, no search leaves the device, and nobody learns what was looked for. */
export interface DeviceCatalog {
  /** The version that is here; 0 for none. */
  version(): number
  size(): number
  /** Brings what changed since the version that is here, or everything. The server learns that version and nothing else. */
  refresh(): Promise<'changed' | 'unchanged'>
  /** As `GET /catalog/search` answers. */
  search(typed: string, options?: { language?: Language; limit?: number }): SearchResult[]
  medicine(id: string): Medicine | undefined
}

/** What was downloaded is not the catalog the server says it is. */
export class DamagedCatalogError extends Error {
  constructor() {
    super('the downloaded catalog is not the one the server describes')
    this.name = 'DamagedCatalogError'
  }
}

/** Opens the catalog that the device kept; what cannot be read is as if there were none. */
export async function openDeviceCatalog(options: DeviceCatalogOptions): Promise<DeviceCatalog> {
  const request = createRequest(options)
  let version = 0
  let index: DeviceIndex = createDeviceIndex([])
  let medicines = new Map<string, Medicine>()

  const take = (of: number, all: Map<string, Medicine>) => {
    version = of
    medicines = all
    index = createDeviceIndex([...all.values()])
  }
  const kept = readKept(await options.keeper?.load())
  if (kept !== undefined) take(kept.version, kept.medicines)

  const download = async (since: number) => {
    const { status, body } = await request(`/catalog/download${since === 0 ? '' : `?since=${since}`}`, {})
    if (status !== 200) throw refusal(status, body)
    return downloadSchema.parse(body)
  }
  /** Undefined when what is here and what came do not make the catalog of the server. */
  const joined = (answer: z.output<typeof downloadSchema>) => {
    const all = answer.since === null ? new Map<string, Medicine>() : new Map(medicines)
    for (const id of answer.removed) all.delete(id)
    for (const medicine of answer.medicines.map(unpack)) all.set(medicine.id, medicine)
    return digestOf([...all.values()]) === answer.digest ? all : undefined
  }
  return {
    version: () => version,
    size: () => index.size,
    refresh: async () => {
      let answer = await download(version)
      if (answer.version === version && answer.since === version) return 'unchanged'
      let all = joined(answer)
      if (all === undefined && answer.since !== null) {
        answer = await download(0)
        all = joined(answer)
      }
      if (all === undefined) throw new DamagedCatalogError()
      take(answer.version, all)
      await options.keeper?.save(JSON.stringify({ version, medicines: [...all.values()].map(pack) }))
      return 'changed'
    },
    search: (typed, { language = 'es', limit = 10 } = {}) => tellResults(typed, index.search(typed, limit), language),
    medicine: (id) => index.get(id),
  }
}

function readKept(text: string | undefined): { version: number; medicines: Map<string, Medicine> } | undefined {
  if (text === undefined) return undefined
  try {
    const { version, medicines } = keptSchema.parse(JSON.parse(text))
    return { version, medicines: new Map(medicines.map(unpack).map((medicine) => [medicine.id, medicine])) }
  } catch {
    return undefined
  }
}
