import { Play, RotateCw, Square, X } from 'lucide-react'
import { useEffect, useState } from 'react'
import type { PowerAction, ServerSummary } from '~/api/types'
import { texts } from '~/i18n/texts'
import { power } from '~/live/live'
import { toast } from '~/stores/toasts'
import { Button } from '~/ui/button'
import { powerOff, powerWord } from '~/util/state'

const t = texts('servers')

/** Power for all that are selected; those that can't are left out, and the rest is not held up by one refusal. */
export function BulkBar({ servers, onClear }: { servers: ServerSummary[]; onClear: () => void }) {
  const [busy, setBusy] = useState<PowerAction>()
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => event.key === 'Escape' && onClear()
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [onClear])
  async function order(action: PowerAction) {
    setBusy(action)
    const able = servers.filter((s) => powerOff(s, action) === false)
    const results = await Promise.allSettled(able.map((s) => power(s.id, action)))
    const refused = results.filter((r) => r.status === 'rejected')
    if (refused[0]?.status === 'rejected')
      toast.error(t('bulk.refused', { refused: refused.length, asked: able.length }), refused[0].reason)
    else toast.done(t('bulk.asked', { action, n: able.length }))
    setBusy(undefined)
  }
  const able = (action: PowerAction) =>
    servers.some((s) => powerOff(s, action) === false) ? false : t('bulk.none_can', { action })
  return (
    <div
      role="toolbar"
      aria-label={t('bulk.label')}
      className="rise fixed bottom-4 left-1/2 z-(--z-bulk) flex h-12 -translate-x-1/2 items-center gap-1.5 rounded-box border border-line-2 bg-overlay pr-2 pl-4 shadow-float max-sm:bottom-20"
    >
      <span className="num mr-1.5 font-medium whitespace-nowrap">
        {t('bulk.selected', { n: servers.length })}
      </span>
      <Button
        size="sm"
        icon={Play}
        busy={busy === 'start'}
        off={able('start')}
        onClick={() => void order('start')}
      >
        {powerWord('start')}
      </Button>
      <Button
        size="sm"
        icon={RotateCw}
        busy={busy === 'restart'}
        off={able('restart')}
        onClick={() => void order('restart')}
      >
        {powerWord('restart')}
      </Button>
      <Button
        size="sm"
        look="danger"
        icon={Square}
        busy={busy === 'stop'}
        off={able('stop')}
        onClick={() => void order('stop')}
      >
        {powerWord('stop')}
      </Button>
      <Button size="sm" look="quiet" icon={X} onClick={onClear}>
        {t('bulk.clear')}
      </Button>
    </div>
  )
}
