import { Link } from '@tanstack/react-router'
import { Check, Minus, X } from 'lucide-react'
import type { Limits, Node } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Card, CardHead, Tag } from '~/ui/bits'
import { Segmented } from '~/ui/segmented'
import { Bar } from '~/ui/spark'
import { Empty } from '~/ui/wait'
import { cx } from '~/util/cx'
import { ofText, trimmed } from '~/util/format'
import type { Ranked } from '~/util/placement'

const t = texts('server_new')

/** Where a new server would go, and why not elsewhere. */
export function Placement({
  ranked,
  picked,
  placing,
  error,
  onPlacing,
  onPick,
}: {
  ranked: Ranked[]
  picked: Node | undefined
  placing: 'auto' | 'choose'
  error: string | undefined
  onPlacing: (placing: 'auto' | 'choose') => void
  onPick: (node: string) => void
}) {
  return (
    <Card>
      <CardHead title={t('placement')}>
        <Segmented
          label={t('placement')}
          small
          value={placing}
          choices={[
            { value: 'auto', label: t('placement.auto') },
            { value: 'choose', label: t('placement.choose') },
          ]}
          onChange={onPlacing}
        />
      </CardHead>
      {error && <p className="border-b border-line px-4 py-2 text-fail-fg">{error}</p>}
      {ranked.length === 0 && (
        <Empty
          title={t('placement.none')}
          action={
            <Link to="/nodes" search={{ join: true }} className="hit font-medium text-accent">
              {t('placement.connect')}
            </Link>
          }
        />
      )}
      <ul>
        {ranked.map(({ node, fits, why }, at) => {
          const isPicked = picked?.id === node.id
          const Icon = isPicked ? Check : fits ? Minus : X
          const body = (
            <>
              <Icon
                aria-hidden="true"
                size={16}
                strokeWidth={1.75}
                className={cx('mt-0.5 shrink-0', isPicked ? 'text-run-fg' : 'text-t3')}
              />
              <span className="min-w-0 flex-1">
                <span className={cx('block font-medium', !fits && 'text-t2')}>
                  {fits ? node.name : t('placement.not', { node: node.name })}
                </span>
                <span className={cx('mt-0.5 block text-12 leading-[18px]', fits ? 'text-t2' : 'text-t3')}>
                  {why}
                </span>
              </span>
              {isPicked ? (
                <Tag className="border-run-line! text-run-fg!">{t('placement.picked')}</Tag>
              ) : (
                fits && <span className="text-12 leading-5 text-t3">{at + 1}.</span>
              )}
            </>
          )
          return (
            <li key={node.id} className="border-t border-line first:border-0">
              {placing === 'choose' ? (
                <button
                  type="button"
                  aria-pressed={isPicked}
                  onClick={() => onPick(node.id)}
                  className="flex w-full gap-2.5 px-4 py-2.5 text-left hover:bg-surface-2"
                >
                  {body}
                </button>
              ) : (
                <div className="flex gap-2.5 px-4 py-2.5">{body}</div>
              )}
            </li>
          )
        })}
      </ul>
    </Card>
  )
}

/** What the picked node has promised once this server is on it. */
export function PlacementAfter({ node, limits }: { node: Node; limits: Limits }) {
  const rows: Array<[string, number, number, string]> = [
    [
      t('after.cpu'),
      node.promised.cpu_percent / (node.host.cpus * 100),
      (node.promised.cpu_percent + limits.cpu_percent) / (node.host.cpus * 100),
      t('after.cores', {
        part: trimmed((node.promised.cpu_percent + limits.cpu_percent) / 100),
        all: node.host.cpus,
      }),
    ],
    [
      t('after.memory'),
      node.promised.memory_bytes / node.host.memory_bytes,
      (node.promised.memory_bytes + limits.memory_bytes) / node.host.memory_bytes,
      ofText(node.promised.memory_bytes + limits.memory_bytes, node.host.memory_bytes),
    ],
    [
      t('after.disk'),
      node.promised.disk_bytes / node.host.disk_bytes,
      (node.promised.disk_bytes + limits.disk_bytes) / node.host.disk_bytes,
      ofText(node.promised.disk_bytes + limits.disk_bytes, node.host.disk_bytes),
    ],
  ]
  return (
    <Card className="px-4 py-3.5">
      <h2 className="mb-2 text-14 font-semibold">{t('after', { node: node.name })}</h2>
      {rows.map(([word, before, after, text]) => (
        <div key={word} className="grid h-7 grid-cols-[56px_1fr_132px] items-center gap-2">
          <span className="text-t2">{word}</span>
          <Bar
            share={before}
            also={after}
            look={after > 1 ? 'warn' : 'accent'}
            height={6}
            label={`${word}: ${text}`}
          />
          <span className="num text-right text-12 text-t2">{text}</span>
        </div>
      ))}
      <p className="mt-1 text-12 text-t3">{t('after.note')}</p>
    </Card>
  )
}
