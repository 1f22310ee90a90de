import {
  Check,
  ChevronDown,
  ChevronUp,
  CircleX,
  Pause,
  Play,
  RotateCcw,
  Upload as UploadIcon,
  X,
} from 'lucide-react'
import { useState } from 'react'
import { asProblem } from '~/api/problem'
import { texts } from '~/i18n/texts'
import { Checkbox } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Bar } from '~/ui/spark'
import { cx } from '~/util/cx'
import { bytesText, duration, ofText, rateText } from '~/util/format'
import { isGoing, type Upload, uploads, useUploads } from './queue'

const t = texts('uploads')
const common = texts('common')

/** Rows that are drawn; the rest is counted. */
const ROWS = 50

function status(upload: Upload): string {
  const { state, target, sent, rate, error } = upload
  if (state === 'sending' && rate > 0) {
    const left = duration(((target.size - sent) / rate) * 1000)
    return t('row.going', { size: ofText(sent, target.size), rate: rateText(rate), left })
  }
  if (state === 'failed') return asProblem(error).message
  if (state === 'done') return bytesText(target.size)
  return t(`row.${state}`, { size: ofText(sent, target.size) })
}

function Row({ upload }: { upload: Upload }) {
  const { id, state, target, sent, name } = upload
  const Icon = state === 'done' ? Check : state === 'failed' ? CircleX : UploadIcon
  const look = state === 'failed' ? 'text-fail-fg' : state === 'done' ? 'text-run-fg' : 'text-t3'
  const pausable = ['sending', 'waiting', 'broken'].includes(state)
  return (
    <li className="flex gap-3 border-t border-line px-4 py-2.5 first:border-0">
      <Icon
        aria-hidden="true"
        size={16}
        strokeWidth={1.75}
        className={cx('mt-0.5 shrink-0 max-sm:mt-3.5', look)}
      />
      <div className="min-w-0 flex-1">
        <div className="flex items-center gap-1.5">
          <span className="truncate font-medium" title={target.path}>
            {name}
          </span>
          <span className="flex-1" />
          {pausable && (
            <Button size="sm" look="quiet" iconOnly icon={Pause} onClick={() => uploads.pause(id)}>
              {t('pause', { name })}
            </Button>
          )}
          {state === 'paused' && (
            <Button size="sm" look="quiet" iconOnly icon={Play} onClick={() => uploads.resume(id)}>
              {t('resume', { name })}
            </Button>
          )}
          {state === 'failed' && (
            <Button size="sm" look="quiet" iconOnly icon={RotateCcw} onClick={() => uploads.resume(id)}>
              {t('again', { name })}
            </Button>
          )}
          <Button size="sm" look="quiet" iconOnly icon={X} onClick={() => uploads.cancel(id)}>
            {state === 'done' ? t('remove', { name }) : t('cancel', { name })}
          </Button>
        </div>
        {isGoing(upload) && state !== 'conflict' && (
          <div className="my-1">
            <Bar look="move" share={target.size > 0 ? sent / target.size : 0} label={status(upload)} />
          </div>
        )}
        <p className="num text-12 text-t3 [overflow-wrap:anywhere]">{status(upload)}</p>
        {state === 'conflict' && <Conflict upload={upload} />}
      </div>
    </li>
  )
}

function Conflict({ upload: { id } }: { upload: Upload }) {
  const [forAll, setForAll] = useState(false)
  return (
    <div className="mt-1.5 flex flex-wrap items-center gap-1.5">
      <Button size="sm" onClick={() => uploads.decide(id, 'overwrite', forAll)}>
        {t('conflict.overwrite')}
      </Button>
      <Button size="sm" onClick={() => uploads.decide(id, 'both', forAll)}>
        {t('conflict.both')}
      </Button>
      <Button size="sm" look="quiet" onClick={() => uploads.decide(id, 'skip', forAll)}>
        {t('conflict.skip')}
      </Button>
      {/* biome-ignore lint/a11y/noLabelWithoutControl: the control is the checkbox inside */}
      <label className="flex min-h-7 items-center gap-1 text-12 text-t2 max-sm:min-h-11">
        <Checkbox checked={forAll} onChange={(event) => setForAll(event.target.checked)} />
        {t('conflict.all')}
      </label>
    </div>
  )
}

/** Files on their way to servers, from wherever one is. */
export default function UploadTray() {
  const all = useUploads()
  const [folded, setFolded] = useState(false)
  if (all.length === 0) return null
  const going = all.filter(isGoing)
  const done = all.filter(({ state }) => state === 'done').length
  const total = all.reduce((sum, { target }) => sum + target.size, 0)
  const sent = all.reduce((sum, upload) => sum + upload.sent, 0)
  const title = going.length > 0 ? t('title.going', { n: going.length }) : t('title.done', { n: done })
  // Whoever has to answer something stands first, then what goes on.
  const order = ['conflict', 'failed', 'sending', 'broken', 'paused', 'waiting', 'done']
  const sorted = [...all].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state))
  return (
    <section
      aria-label={t('tray')}
      className="fixed right-4 bottom-4 z-(--z-drawer) flex max-h-[min(480px,60dvh)] w-104 flex-col rounded-box border border-line-2 bg-overlay shadow-float max-sm:inset-x-2 max-sm:bottom-18 max-sm:w-auto"
    >
      <div className="flex h-12 shrink-0 items-center gap-2 pr-2 pl-4">
        <h2 className="text-13 font-semibold" aria-live="polite">
          {title}
        </h2>
        <span className="num text-12 text-t3">{going.length > 0 && ofText(sent, total)}</span>
        <span className="flex-1" />
        {done > 0 && (
          <Button size="sm" look="quiet" onClick={uploads.clear}>
            {t('clear')}
          </Button>
        )}
        <Button
          size="sm"
          look="quiet"
          iconOnly
          icon={folded ? ChevronUp : ChevronDown}
          aria-expanded={!folded}
          onClick={() => setFolded(!folded)}
        >
          {folded ? t('unfold') : t('fold')}
        </Button>
        {going.length === 0 && (
          <Button
            size="sm"
            look="quiet"
            iconOnly
            icon={X}
            onClick={() => {
              for (const { id } of all) uploads.cancel(id)
            }}
          >
            {common('close')}
          </Button>
        )}
      </div>
      {!folded && (
        <ul className="min-h-0 overflow-y-auto border-t border-line">
          {sorted.slice(0, ROWS).map((upload) => (
            <Row key={upload.id} upload={upload} />
          ))}
          {sorted.length > ROWS && (
            <li className="border-t border-line px-4 py-2.5 text-12 text-t3">
              {t('more', { n: sorted.length - ROWS })}
            </li>
          )}
        </ul>
      )}
    </section>
  )
}
