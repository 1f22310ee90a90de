import { Link } from '@tanstack/react-router'
import { texts } from '~/i18n/texts'
import { Mark } from '~/ui/badge'
import { Card } from '~/ui/bits'
import { JoinCard } from './join-card'
import { StarterTiles } from './starters'

const t = texts('first_run')

/** A panel without a machine: the one command, then the first game. */
export function FirstRun({ name }: { name: string }) {
  return (
    <div className="mx-auto w-full max-w-[740px] px-6 pt-16 pb-8 max-sm:px-4 max-sm:pt-6">
      <h1 className="text-28 font-semibold tracking-[-0.02em]">{t('title')}</h1>
      <p className="mt-1 mb-6 max-w-150 text-14 text-t2">{t('note')}</p>
      <JoinCard />
      <div className="mt-8">
        <StarterTiles
          most={3}
          title={t('then')}
          note={t('then_note')}
          aside={
            <Link to="/eggs" className="hit text-12 font-medium text-accent">
              {t('own_eggs')}
            </Link>
          }
        />
      </div>
      <Card className="mt-8">
        <div className="flex items-center gap-3 px-4 py-3">
          <span className="text-run-fg">
            <Mark shape="ok" size={16} />
          </span>
          <span className="text-t2">
            {t.rich('signed_in', { name: <span className="font-medium text-t1">{name}</span> })}
          </span>
        </div>
      </Card>
    </div>
  )
}
