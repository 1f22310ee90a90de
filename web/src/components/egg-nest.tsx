import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Egg } from '~/api/types'
import { EggMoveDialog } from '~/forms/egg-move'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'

const t = texts('nests')

/** Which nest an egg is in, and the way to another. */
export function EggNest({ egg }: { egg: Egg }) {
  const { may } = useMay()
  const [moving, setMoving] = useState(false)
  return (
    <span className="inline-flex max-w-full items-center gap-2">
      {egg.nest ? (
        <Link to="/eggs" search={{ nest: egg.nest.id }} className="hit truncate hover:text-accent">
          {egg.nest.name}
        </Link>
      ) : (
        <span className="text-t3">{t('fact.none')}</span>
      )}
      {may('egg.update') && may('nest.read') && (
        <Button size="sm" onClick={() => setMoving(true)}>
          {t('fact.move')}
        </Button>
      )}
      <EggMoveDialog egg={moving ? egg : undefined} onClose={() => setMoving(false)} />
    </span>
  )
}
