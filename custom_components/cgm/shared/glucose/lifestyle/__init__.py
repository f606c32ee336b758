"""What glucose goes with in the wearer's life: pure functions over days, told only when tested."""
