import { createMetrics } from 'aval/telemetry'
import plan from '../../plan.ts'
import type { Source } from '../catalog-import/source.ts'
import type { Look } from './duties.ts'

export interface CatalogMetrics {
  look(source: Source, outcome: Look['outcome']): void
  /** Tells how long a source is owed, in seconds; 0 while it is in time. */
  overdue(source: Source, seconds: number): void
  text(): Promise<string>
  contentType: string
}

export function createCatalogMetrics(metrics = createMetrics(plan.telemetry, 'catalog')): CatalogMetrics {
  return {
    look: (source, outcome) => metrics.count('catalog_looks_total', { source, outcome }),
    overdue: (source, seconds) => metrics.set('catalog_overdue_seconds', seconds, { source }),
    text: metrics.text,
    contentType: metrics.contentType,
  }
}
