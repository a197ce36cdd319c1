def render_report(leaderboard, profile, chosen, predictions):
    return "<html></html>"
