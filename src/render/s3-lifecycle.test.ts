import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { parsePlan } from '../plan/plan.ts'
import { renderS3Lifecycle } from './s3-lifecycle.ts'

function planWith(recovery: object) {
  const parsed = parsePlan({ system: 'shop', recovery })
  if ('problems' in parsed) assert.fail(JSON.stringify(parsed.problems))
  return parsed.plan
}

const copies = { nightly: { schedule: '0 3 * * *', keep: '30d', copyTo: 'away' } }

suite('the lifecycle of a bucket', () => {
  test('of backups of the database: moved as they age, never deleted by age', () => {
    const plan = planWith({
      backups: copies,
      stores: {
        primary: { kind: 'directory' },
        away: {
          kind: 's3',
          versions: '30d',
          tiers: [
            { after: '0', to: 'infrequent' },
            { after: '90d', to: 'archive' },
            { after: '365d', to: 'delete' },
          ],
        },
      },
    })
    const Transitions = [
      { Days: 30, StorageClass: 'STANDARD_IA' },
      { Days: 90, StorageClass: 'GLACIER_IR' },
    ]
    assert.deepEqual(renderS3Lifecycle(plan, 'away', { prefix: 'shop/' }), {
      configuration: {
        Rules: [
          {
            ID: 'aval-shop-unfinished-uploads',
            Status: 'Enabled',
            Filter: { Prefix: 'shop/' },
            AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 },
          },
          {
            ID: 'aval-shop-old-versions',
            Status: 'Enabled',
            Filter: { Prefix: 'shop/' },
            NoncurrentVersionExpiration: { NoncurrentDays: 30 },
          },
          {
            ID: 'aval-shop-delete-markers',
            Status: 'Enabled',
            Filter: { Prefix: 'shop/' },
            Expiration: { ExpiredObjectDeleteMarker: true },
          },
          ...['backups', 'logical', 'wal'].map((folder) => ({
            ID: `aval-shop-tiers-${folder}`,
            Status: 'Enabled',
            Filter: { Prefix: `shop/${folder}/` },
            Transitions,
          })),
        ],
      },
      notes: [
        'Objects move to infrequent after 30 days instead of 0: the service allows it no earlier.',
        'Archived objects go to the class that is read at once: from the others a restore would wait for hours.',
        'Nothing is deleted by age at 365d: the bucket cannot tell the last good backup from the others. `aval backup prune` deletes by the plan.',
      ],
    })
  })

  test('of what is no database: archived where reading takes hours, deleted once nothing needs it', () => {
    const plan = planWith({
      backups: { audit: { of: 'audit-log', on: 'continuous', type: 'export', keep: '6y', store: 'audit' } },
      stores: {
        primary: { kind: 'directory' },
        audit: {
          kind: 's3',
          tiers: [
            { after: '0', to: 'archive' },
            { after: '6y', to: 'delete' },
          ],
        },
      },
    })
    assert.deepEqual(renderS3Lifecycle(plan, 'audit'), {
      configuration: {
        Rules: [
          {
            ID: 'aval-shop-unfinished-uploads',
            Status: 'Enabled',
            Filter: { Prefix: '' },
            AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 },
          },
          {
            ID: 'aval-shop-tiers',
            Status: 'Enabled',
            Filter: { Prefix: '' },
            Transitions: [{ Days: 0, StorageClass: 'GLACIER' }],
          },
          { ID: 'aval-shop-expiry', Status: 'Enabled', Filter: { Prefix: '' }, Expiration: { Days: 2190 } },
        ],
      },
      notes: [],
    })
  })

  test('is refused when it would delete what is to be kept', () => {
    const early = (keep: string) =>
      planWith({
        backups: { blobs: { of: 'blobs', on: 'continuous', type: 'replica', keep, store: 'blobs' } },
        stores: {
          primary: { kind: 'directory' },
          blobs: { kind: 's3', tiers: [{ after: '30d', to: 'delete' }] },
        },
      })
    for (const keep of ['31d', 'forever']) {
      assert.throws(() => renderS3Lifecycle(early(keep), 'blobs'), { code: 'LIFECYCLE_DELETES_TOO_EARLY' })
    }
    assert.doesNotThrow(() => renderS3Lifecycle(early('30d'), 'blobs'))
    assert.throws(() => renderS3Lifecycle(early('30d'), 'primary'), { code: 'LIFECYCLE_NOT_S3' })
    assert.throws(() => renderS3Lifecycle(early('30d'), 'none'), { code: 'STORE_UNKNOWN' })
  })

  test('never deletes an object before everything that is kept in the store has expired, whatever the plan', () => {
    const days = fc.integer({ min: 0, max: 800 })
    const tier = fc.record({
      after: days.map((count) => `${count}d`),
      to: fc.constantFrom('infrequent', 'archive', 'delete'),
    })
    const backup = fc.record({
      of: fc.constantFrom('database', 'blobs'),
      on: fc.constant('continuous'),
      keep: fc.oneof(
        fc.constant('forever'),
        days.map((count) => `${count}d`),
      ),
      where: fc.constantFrom('store', 'copyTo'),
    })
    fc.assert(
      fc.property(fc.array(tier, { maxLength: 4 }), fc.array(backup, { maxLength: 3 }), (tiers, kept) => {
        const plan = planWith({
          backups: Object.fromEntries(
            kept.map(({ where, ...rest }, index) => [`backup-${index}`, { ...rest, [where]: 'away' }]),
          ),
          stores: { primary: { kind: 'directory' }, away: { kind: 's3', tiers } },
        })
        let rules: ReturnType<typeof renderS3Lifecycle>['configuration']['Rules']
        try {
          rules = renderS3Lifecycle(plan, 'away').configuration.Rules
        } catch (error) {
          assert.match(String(error), /would delete/)
          return
        }
        for (const { Expiration, Transitions = [] } of rules) {
          for (const { Days, StorageClass } of Transitions) assert.ok(StorageClass !== 'STANDARD_IA' || Days >= 30)
          if (!Expiration || !('Days' in Expiration)) continue
          for (const { of, keep } of kept) {
            assert.notEqual(of, 'database')
            assert.ok(
              keep !== 'forever' && Number.parseInt(keep, 10) <= Expiration.Days,
              `${keep} in ${Expiration.Days}`,
            )
          }
        }
      }),
    )
  })
})
