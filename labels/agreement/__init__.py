"""How far judges, people and the two together can be trusted."""
