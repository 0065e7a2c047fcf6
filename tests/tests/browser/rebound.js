report({ metrics: await attempt("/metrics"), load: await attempt("/debug/config/load") });
