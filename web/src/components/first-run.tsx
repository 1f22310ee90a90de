import { Link } from '@tanstack/react-router'
import { Mark } from '~/ui/badge'
import { Card } from '~/ui/bits'
import { JoinCard } from './join-card'
import { StarterTiles } from './starters'

/** A panel without a machine: the one command, then the first game. */
export function FirstRun({ name }: { name: string }) {
  return (
    <div className="mx-auto w-full max-w-[740px] px-6 pt-16 pb-8 max-sm:px-4 max-sm:pt-6">
      <h1 className="text-28 font-semibold tracking-[-0.02em]">Connect your first machine</h1>
      <p className="mt-1 mb-6 max-w-150 text-14 text-t2">
        A node is any Linux machine with root: a rented server, a mini PC at home, behind NAT or not. It dials
        out to this panel; you open no port.
      </p>
      <JoinCard />
      <div className="mt-8">
        <StarterTiles
          most={3}
          title="Then start a game"
          note="ready as soon as the node is"
          aside={
            <Link to="/eggs" className="hit text-12 font-medium text-accent">
              Drop your own eggs
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
            Panel set up, signed in as <span className="font-medium text-t1">{name}</span>
          </span>
        </div>
      </Card>
    </div>
  )
}
